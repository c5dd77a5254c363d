"""Why a model answers as it does: what each layer makes of a picture, where a value comes from, what mattered."""
