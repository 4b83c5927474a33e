"""Operations besides chat: embeddings, rankings, images, speech, transcripts, moderation, batches. One format a
file."""
