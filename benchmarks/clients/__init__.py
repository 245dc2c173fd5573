"""Do programs that tlearn has no part in answer as the model does, from the image files?

    python -m benchmarks.clients RUN IMAGES [--node FOLDER] [--tflite-runtime PYTHON]

A run is exported, and each program answers the same files, prepared in its own way. Where tlearn
writes the program (`--snippet`), that one is run; the others are in `programs`, as short as a user
would write them. One that is not installed is left out with a line that says how to install it.
Both npm packages and sharp are looked for in FOLDER/node_modules, tflite-runtime, which needs
Python 3.11 and NumPy 1, where PYTHON is; the browser is Chromium.
"""
