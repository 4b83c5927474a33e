"""The words: plain data that every other layer speaks. Imports nothing of ours."""
