"""llmdoctor: says what is wrong with a machine that runs large language models, and what to do."""

__version__ = "0.1.0"
