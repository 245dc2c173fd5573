"""The only room that touches the internals of TensorFlow and Keras.

Takes Keras models and gives constant graphs, LiteRT files and float32 copies of them; says which
accelerators there are and keeps TensorFlow's own output off the terminal.
"""
