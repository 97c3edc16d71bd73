"""`python -m batchdemo` is `batchdemo`."""

from batchdemo.cli import main

if __name__ == "__main__":
    main()
