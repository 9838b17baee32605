PYTHON ?= python3
TASKS = setup demo test test-all docs bench picture

.PHONY: help $(TASKS)

help:
	@$(PYTHON) bootstrap.py --help

$(TASKS):
	@$(PYTHON) bootstrap.py $@ $(ARGS)
