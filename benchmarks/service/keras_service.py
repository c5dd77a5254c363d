"""What one writes first: FastAPI and `keras.Model.predict`. The service that ours is measured against.

    python benchmarks/service/keras_service.py MODEL.keras PORT

The function is async, so that one picture is answered after the other: from several threads at once, Keras's `predict`
fails on JAX.
"""

import sys

import keras
import numpy as np
import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image

app = FastAPI()
model = keras.saving.load_model(sys.argv[1], compile=False)


@app.post("/predict")
async def predict(file: UploadFile):
    image = Image.open(file.file).convert("L").resize((28, 28))
    probabilities = model.predict(np.asarray(image)[None, :, :, None], verbose=0)[0]
    return {"label": str(probabilities.argmax()), "probabilities": probabilities.tolist()}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), access_log=False, log_level="warning")
