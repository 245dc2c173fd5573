"""The only room that touches the inner parts of TensorFlow and Keras."""
