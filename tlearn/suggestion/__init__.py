"""Evidence from the pictures in; a cell of the matrix and a policy, with reasons, out."""
