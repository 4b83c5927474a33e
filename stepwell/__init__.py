"""Every call to a language-model provider as a pipeline of small named steps."""
