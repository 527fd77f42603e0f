"""Music as tokens: the vocabularies of systems that write one note after the other.

triples         notes as (dT, T, P): from a piece or file, cut into segments, and back
dictionaries    the values that triples take in a corpus, and their numbers
"""
