"""The embedded local model: llama.cpp inside this process, no key, no network."""
