"""The embedded local model: llama.cpp inside this process, without key or network."""
