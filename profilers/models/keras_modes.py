"""Which run modes take a Keras model, whichever file holds it, the best first."""

KERAS_MODES = (
    "keras",
    "tf-xla",
    "tf-eager",
    "keras-torch",
    "keras-jax",
    "tf-mirrored",
    "tf-multiworker",
    "tflite",
    "tf-onnxruntime",
)
