"""cauldron: raw vision-language data to training mixtures, and a model trained on them."""

__version__ = "0.1.0"
__all__ = ["__version__"]
