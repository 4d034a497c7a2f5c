"""What user code holds: Run, load_run, list_runs, the current run, and how children find it."""
