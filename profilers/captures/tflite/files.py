"""Names of the files in a capture folder of TFLite, for the one who writes and who reads."""

MODEL_FILE = "model.tflite"  # with the shapes of this run, without its weights
RUN_FILE = "tflite_run.json"  # what the delegates took, and how long each operator took alone
