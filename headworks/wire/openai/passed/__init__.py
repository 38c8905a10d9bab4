"""APIs that pass through as they are: images, audio, moderations, rerank. Only the model's name is read and replaced."""
