"""How a wire and a provider are declared, found and put together. One provider is one file beside this folder."""
