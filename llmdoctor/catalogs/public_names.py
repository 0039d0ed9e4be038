"""Names that are nobody's secret: accounts that systems make, hosts that everybody knows, folders and words of public models.

A table of facts for redaction: what stands here may be shown. Sources: the default accounts of the distributions' and cloud
images (cloud-init's documentation, "Users and Groups"), systemd's and the runtimes' own service users; the sites that the
runtimes print or load from; the publishers and families of https://huggingface.co/models?library=gguf and
https://ollama.com/library (2026-11).
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NOBODY = _words(
    "root user users admin administrator ubuntu debian fedora centos arch linux windows macos darwin public guest nobody "
    "ollama shared default vm localhost localdomain localhost4 localhost6 ip6-localhost ip6-loopback wsl wsl.localhost docker "
    "container host hostname server node worker runner app apps home me owner system local service networkservice localservice "
    "ec2-user azureuser cloud-user opc vagrant jovyan coder vscode codespace gitpod pi ubuntu-user www-data daemon systemd "
    "messagebus syslog kernel gdm sddm lightdm jellyfin llama vllm koboldcpp jan lmstudio textgen username yourname your_name "
    "your-name youruser name deck steam git github gitlab noreply no-reply none null true false unknown example test demo "
    "api proxy gateway redis postgres mysql nginx open-webui openwebui webui host.docker.internal gateway.docker.internal "
    "kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local metadata.google.internal "
    "ollama.local server.local adm staff wheel video render audio disk input sudo tty nvidia-persistenced persistenced defaultuser0 "
    "builder buildd mockbuild wdagutilityaccount defaultaccount <user> <username> user1 user_name computer pc desktop laptop workstation "
    "local-ai localai anythingllm sillytavern comfyui mon tue wed thu fri sat sun n8n flowise librechat litellm dify chroma qdrant"
)
"""Accounts and hosts whose name tells nothing about anybody; lower case."""

AMBIGUOUS = _words(
    "max mark will bill art ray grant chase drew jack pat rob sue dawn hope grace joy may june april august jan bob core main "
    "model models data gpu cpu cuda torch python llm ai ml chat code dev prod build test release debug info warn warning error "
    "fail failed load loaded loading file files path memory cache buffer batch size type name names value key keys token tokens "
    "layer layers device devices driver version start stop time date thread threads process kv ctx seq flash attention run "
    "running ready done list open close read write print log logs server client http https tcp udp port bin lib lib64 usr etc "
    "var tmp opt mnt srv dev sys proc bash shell conda venv git pip cmake make gcc clang intel amd nvidia apple metal vulkan rocm "
    "hip sycl llama mistral qwen gemma phi claude gemini falcon vicuna alpaca jamba command hermes nova sage pixel work project "
    "projects desktop mini pro air studio book tower box rig home lab office media storage backup share public web net cloud new "
    "old big small fast slow red green blue black white gray grey star sun moon sky rose stone wood young long short king bishop "
    "cook miller baker smith fox wolf bear lee kim kit lane cole dean dale glen heath cliff brook reed page rich frank ernest "
    "colt dash dot ace amber ruby jade crystal pearl iris ivy lily violet summer autumn christian norm rust java perl lisp scala "
    "init exit null none true false int str float half double auto const static void class self this that with from into over "
    "the and for not all one two six ten are was has had can may its our your his her they them then than what when which who "
    "why how yes end begin top left right up down in on off out input output prompt context system user users admin root message "
    "total used free available required request response session status state result message offload offloaded graph tensor "
    "tensors weights weight quant quantized host shared local remote global native generic unknown default"
)
"""Words that logs are full of: as somebody's name they are replaced only where they stand in a name's place."""

HOSTS = _words(
    "localhost example.com example.org example.net huggingface.co hf.co hf-mirror.com github.com githubusercontent.com github.io "
    "githubassets.com ghcr.io gitlab.com bitbucket.org codeberg.org ollama.com ollama.ai nvidia.com nvcr.io amd.com intel.com "
    "apple.com microsoft.com aka.ms windows.com visualstudio.com azure.com pytorch.org python.org pypi.org pythonhosted.org "
    "pypa.io readthedocs.io readthedocs.org docs.rs conda.io anaconda.com anaconda.org conda-forge.org debian.org ubuntu.com "
    "launchpad.net canonical.com snapcraft.io fedoraproject.org redhat.com centos.org archlinux.org opensuse.org nixos.org "
    "alpinelinux.org kernel.org gnu.org freedesktop.org gnome.org kde.org flathub.org docker.com docker.io quay.io kubernetes.io "
    "vllm.ai lmstudio.ai jan.ai gpt4all.io nomic.ai openwebui.com koboldai.net koboldai.org kobold.ai oobabooga.com gradio.app "
    "gradio.live openai.com anthropic.com mistral.ai groq.com openrouter.ai cohere.com x.ai deepseek.com googleapis.com google.com "
    "gstatic.com golang.org go.dev rust-lang.org crates.io nodejs.org npmjs.com npmjs.org yarnpkg.com wikipedia.org arxiv.org "
    "modelscope.cn modelscope.com wandb.ai wandb.com civitai.com stackoverflow.com stackexchange.com reddit.com discord.com "
    "discord.gg youtube.com cloudflare.com cloudflarestorage.com cloudfront.net amazonaws.com khronos.org vulkan.org lunarg.com "
    "tensorflow.org keras.io numpy.org scipy.org kaggle.com brew.sh chocolatey.org scoop.sh winget.run json-schema.org w3.org "
    "mozilla.org apache.org opensource.org creativecommons.org csdn.net medium.com docs.pydantic.dev pydantic.dev astral.sh "
    "letsencrypt.org slack.com telegram.org stripe.com ngrok.com sentry.io no-color.org llvm.org cmake.org unsloth.ai ggml.ai "
    "mlc.ai semver.org schema.org iana.org ietf.org"
)
"""Sites of the public; with everything below them. example.* is reserved for documentation: RFC 2606."""

MODEL_WORDS = _words(
    "llama llama2 llama3 llama4 codellama tinyllama vicuna alpaca mistral mixtral ministral codestral devstral magistral pixtral "
    "mathstral voxtral qwen qwen1 qwen2 qwen3 qwq qvq gemma gemma2 gemma3 gemma3n gemma4 codegemma recurrentgemma shieldgemma "
    "medgemma phi phi2 phi3 phi4 deepseek r1 coder v2 v3 v4 kimi k2 glm glm4 chatglm chatglm2 chatglm3 chatglm4 granite command "
    "aya falcon falcon3 yi solar smollm smollm2 smollm3 olmo olmo2 olmoe gpt oss gptoss gpt2 gptj neox j pythia bloom bloomz opt "
    "mpt mamba jamba rwkv stablelm stable starcoder starcoder2 wizard wizardlm wizardcoder wizardmath hermes openhermes nous "
    "capybara dolphin samantha orca openorca platypus zephyr openchat starling neural neuralchat intel hymba nemotron nemo "
    "minitron minicpm internlm internlm2 internlm3 internvl baichuan baichuan2 exaone ernie hunyuan longcat seed ling ring step "
    "minimax dbrx grok arctic cohere jais cogito athene tulu reader bge embed embedding embeddings nomic jina mxbai e5 gte minilm "
    "bert roberta modernbert reranker rerank whisper parler bark orpheus kokoro outetts llava bakllava moondream cogvlm idefics "
    "smolvlm vl vlm vision omni audio ocr clip siglip mmproj projector draft eagle eagle3 medusa mtp lora qlora adapter merged "
    "merge base pretrain pretrained instruct instruction chat it pt dpo orpo ppo rlhf sft rp roleplay story writer creative math "
    "code thinking think reasoning reasoner distill distilled preview exp experimental turbo flash lite mini small medium large "
    "xl xxl nano micro tiny big max plus pro next air super ultra maverick scout behemoth long longctx abliterated uncensored "
    "heretic derestricted fimbulvetr stheno lunaris rocinante cydonia magnum mythomax mytholite noromaid kunoichi psymedrp toppy "
    "airoboros guanaco manticore chronos hyperion euryale midnight rose miqu goliath venus lumimaid celeste unslopnemo nemomix "
    "unleashed sao10k lemonade silicon maid beagle monarch psyfighter tiefighter erebus nerys pygmalion metharme janeway "
    "theb openbuddy xwin nexusflow athena hammer functionary firefunction gorilla xlam toolace sqlcoder duckdb nsql nuextract "
    "bielik sauerkraut sauerkrautlm eurollm teuken salamandra viking poro occiglot leolm vigogne swallow elyza rinna calm "
    "model models weights weight gguf ggml safetensors pytorch consolidated tokenizer gptq awq exl2 exl3 bnb nf4 fp4 fp8 mxfp4 "
    "nvfp4 int4 int8 f16 f32 fp16 fp32 bf16 tf32 w4a16 w8a8 q2 q3 q4 q5 q6 q8 iq1 iq2 iq3 iq4 tq1 tq2 k s m l xs xxs nl ks kl km "
    "ud imat imatrix i1 i quant quants quantized quantised bpw bit bits hf hb g128 g32 act order actorder shard of part split "
    "meta ai ibm google microsoft alibaba tencent nvidia apple lmsys chatqa text generation language dense moe a3b a22b a17b a35b "
    "the for and with en zh de fr ja ko es pt ru multilingual english chinese german french japanese v a b x n c "
    "stories stories15m stories42m stories110m reap pruned slerp ties dare evol ultrachat ultra chatml hi res res dynamic hb6"
)
"""Words that names of public models are made of; lower case. Numbers, sizes (7b) and versions need not stand here."""

FOLDERS = _words(
    "models model llm llms gguf ggml weights checkpoints ckpt blobs manifests registry library hub snapshots refs transformers "
    "diffusers huggingface cache caches .cache .ollama ollama .lmstudio lm-studio lmstudio llamacpp llama.cpp llama-cpp llama_cpp "
    "koboldcpp kobold jan data .local share var lib usr opt local srv mnt media run home root tmp temp workspace workspaces app "
    "apps appdata roaming programs program files x86 documents downloads download desktop music pictures videos library "
    "application support containers group volumes users public text-generation-webui textgen textgen-webui oobabooga "
    "text-generation-webui-main user_data loras lora extensions stable-diffusion-webui comfyui custom_nodes vllm tabbyapi exllamav2 "
    "exllamav3 gpt4all nomic.ai nomic open-webui open_webui anythingllm build bin release debug src git github repos repo code "
    "projects project work dev test tests examples example scripts venv .venv env envs site-packages dist-packages python "
    "miniconda3 anaconda3 conda .conda mambaforge miniforge3 common current versions resources backends engine engines vendor "
    "llama-server server servers ai ml nlp nas storage store backup archive ssd hdd nvme disk disk1 disk2 drive d e c f g h wsl "
    "ubuntu debian docker overlay2 merged volumes _data registry.ollama.ai lmstudio-community thebloke bartowski unsloth "
    "mradermacher qwen meta-llama mistralai google microsoft deepseek-ai nousresearch ggml-org ggerganov lmstudio ibm-granite "
    "huggingfacetb 01-ai tiiuae maziyarpanahi quantfactory second-state turboderp lonestriker casperhansen neuralmagic redhatai "
    "nvidia openai zai-org moonshotai cognitivecomputations dphn thedrummer sao10k hugging-quants janhq menlo cortexso "
    "sentence-transformers baai nomic-ai jinaai tencent internlm openbmb allenai coherelabs cohereforai eleutherai stabilityai "
    "bigcode wizardlm wizardlmteam teknium anthracite-org huihui-ai mlabonne ubergarm noctrex lefthook main hf fp16 onnx text "
    "chat instruct base f16 q4 q8 gguf-models my_models mymodels my-models ai-models ai_models llm-models llm_models llmodels"
)
"""Folders on the way to a model file that tell nothing about their owner; publishers of public models too; lower case."""
