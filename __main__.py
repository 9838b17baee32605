"""Run the command line: ``python -m minclub``."""

from .cli.main import main

if __name__ == "__main__":
    main()
