"""How text, tables and progress reach a terminal 80 columns wide, and nothing of what they say."""
