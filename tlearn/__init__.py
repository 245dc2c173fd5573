"""tlearn: transfer learning on a folder of pictures."""
