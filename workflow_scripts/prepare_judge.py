"""Lay the model that judges replies out as transformers loads it, as prepare_base does the base model."""

from workflow_scripts.prepare_base import main

if __name__ == "__main__":
    main()
