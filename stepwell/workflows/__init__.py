"""Work that takes several calls of a model: tools, objects, batches, embedding."""
