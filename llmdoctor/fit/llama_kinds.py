"""What the tensors of a model do not tell of its kind. Source: ggml-org/llama.cpp b11434, src/models/*.cpp."""

TIED = "output"
"""Where the embeddings lie once more if they serve as output too, among the weights' places."""
LATE_OUTPUTS = frozenset(("gpt-oss",))
"""Kinds that pick the tokens of interest after the last layer, not within it."""
LATEST_OUTPUTS = frozenset(("qwen35", "qwen35moe", "qwen3next", "nemotron_h", "nemotron_h_moe", "gemma4"))
"""Kinds that pick them after the last norm only."""
SCALED_ROWS = frozenset(("gemma3", "gemma3n", "gemma4", "gemma-embedding"))
"""Kinds that multiply the embeddings of tokens, not of images, by a number."""
SCALED_INPUT = frozenset(("gemma", "gemma2", "minicpm", "minicpm3", "grok", "afmoe"))
"""Kinds that multiply all of them."""
RESIDUAL_FIRST = frozenset(("phi3", "phimoe", "jamba", "openelm", "lfm2", "lfm2moe"))
"""Kinds that add the feed-forward's result to what came in, not the other way round: the sum takes the place of the first."""
RESIDUAL_FIRST_IN_ATTENTION = frozenset(("jamba", "lfm2", "lfm2moe"))
"""Those of them that do so behind the attention too."""
NORMED_VALUES = frozenset(("gemma3n", "gemma4"))
"""Kinds that norm the values, without a weight."""
DELTA_NET = frozenset(("qwen3next", "qwen35", "qwen35moe"))
"""Kinds with gated delta nets (Qwen 3 Next and after)."""
MAMBA2 = frozenset(("mamba2", "falcon-h1", "granitehybrid", "nemotron_h", "nemotron_h_moe", "plamo2"))
"""Kinds whose state-space layers are of the second kind."""
NO_ROPE = frozenset(
    ("gpt2", "bloom", "mpt", "jais", "starcoder", "refact", "jamba", "nemotron_h", "nemotron_h_moe", "granitehybrid")
)
"""Kinds without rotary positions."""
ROPE_WHERE_SLIDING = frozenset(("cohere2", "cohere2moe", "exaone4", "exaone-moe", "afmoe"))
"""Kinds in which only sliding layers have them."""
ROPE_BUT_EVERY_FOURTH = frozenset(("llama4", "smollm3"))
"""Kinds in which every fourth layer has none."""
FACTORS_WHERE_NOT_SLIDING = frozenset(("gemma4",))
"""Kinds that turn only in layers that look at everything by factors from the file."""
NORM_AFTER_ROPE = frozenset(("hunyuan-dense", "hunyuan-moe", "hunyuan_vl", "hunyuan_vl"))
"""Kinds that norm queries and keys after they were turned."""
ATTENTION_LAST = frozenset(("command-r", "cohere2", "cohere2moe"))
"""Kinds with attention and feed-forward side by side that add the attention's result last."""
ATTENTION_FIRST = frozenset(
    (
        "phi2",
        "phimoe",
    )
)
"""Kinds of that sort that add the feed-forward's result to the attention's, then both to what came in."""
ATTENTION_ADDED_BEFORE = frozenset(("stablelm",))
"""Kinds of that sort that add the attention's result to what came in, then the feed-forward's to both."""
NORMED_LAST = frozenset(("lfm2", "lfm2moe"))
"""Kinds whose norm of embeddings is in truth the output's."""
OUTPUT_LOADED_FIRST = frozenset(("gemma3n", "gemma4"))
"""Kinds that hold embeddings that serve as output too twice, even where both lie in RAM."""
NO_COPY_OF_EMBEDDINGS = frozenset(("bitnet",))
"""Kinds whose embeddings serve as output where they lie."""
GATING = {"gpt-oss": 3, "llama4": 2, "glm4moe": 2, "nemotron_h_moe": 2}
"""How the experts are weighted (1 softmax of all, 2 sigmoid, 3 softmax of the chosen), if the file does not tell."""
WEIGHTED_INPUT = frozenset(("llama4",))
"""Kinds that multiply what the experts get, not what they return; they choose by the raw scores."""
EXPERTS_NOT_NORMED = frozenset(("deepseek", "deepseek2", "qwen2moe", "olmoe", "gpt-oss", "glm4moe", "jamba", "llama4", "dots1"))
"""Kinds whose chosen experts' weights need not sum up to one, if the file does not tell."""
MEASURED = frozenset((
    "arcee", "baichuan", "bailingmoe", "bailingmoe2", "bitnet", "chatglm", "cohere2", "command-r", "deepseek", "deepseek2",
    "dots1", "ernie4_5", "ernie4_5-moe", "exaone", "exaone4", "falcon", "falcon-h1", "gemma", "gemma2", "gemma3", "gemma3n",
    "gemma4", "glm4", "glm4moe", "gpt-oss", "gpt2", "granite", "granitehybrid", "granitemoe", "hunyuan-dense", "hunyuan-moe",
    "hunyuan_vl", "internlm2", "jamba", "lfm2", "lfm2moe", "llama", "llama4", "mamba", "mamba2", "minicpm", "minicpm3",
    "minimax-m2", "mistral3", "mpt", "nemotron", "nemotron_h", "nemotron_h_moe", "olmo2", "olmoe", "orion", "phi2", "phi3",
    "phimoe", "plamo", "qwen", "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen35", "qwen35moe", "qwen3moe", "qwen3next",
    "qwen3vl", "qwen3vlmoe", "seed_oss", "smollm3", "stablelm", "starcoder", "starcoder2", "xverse",
))  # fmt: skip
"""Architectures that were compared with the program's own buffers: on a card, or reckoned by the same build without one."""
