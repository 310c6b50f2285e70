"""Config models: values only; reading files is the shell's work (``amr.runtime.files``)."""
