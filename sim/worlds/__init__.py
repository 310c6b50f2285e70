"""Where worlds come from: files, benchmark data, generators."""
