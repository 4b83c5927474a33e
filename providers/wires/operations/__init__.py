"""What models do besides chatting: vectors, rankings, pictures, speech, transcripts, verdicts. One wire a file."""
