"""The generated half of the documentation: pages made from what the package declares.

`pages` names them and writes them; every other file makes the text of one kind of page.
"""
