"""`python -m cauldron`."""

from cauldron.cli.main import main

if __name__ == "__main__":
    main()
