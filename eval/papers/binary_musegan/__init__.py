"""The printed tables of BinaryMuseGAN's paper."""

from dataclasses import replace

from musegen.eval.papers.musegan import MUSE
from musegen.eval.tables.table import Suite, Table, columns_of, rows_of

NAME = "bmusegan"
CITATION = (
    "H.-W. Dong, Y.-H. Yang: Convolutional Generative Adversarial Networks with Binary Neurons for "
    "Polyphonic Music Generation. ISMIR 2018, arXiv:1804.09399"
)

TABLE_1 = Table(
    paper="BinaryMuseGAN",
    number="Table 1",
    title="mean over the tracks (TD of guitar and piano)",
    citation=CITATION,
    unit="bar; 800 phrases a model, eight tracks",
    definition="v2",
    reference="training data",
    fractions=True,
    columns=columns_of("QN: mean; PP: mean; TD: guitar-piano"),
    rows=rows_of("""
training data           | 0.88 0.48 0.96
pretrained, BS          | 0.67 0.20 0.98
pretrained, HT          | 0.72 0.22 1.00
proposed, SBN           | 0.42 0.26 0.99
proposed, DBN           | 0.78 0.45 0.87
joint, SBN              | 0.18 0.19 0.95
joint, DBN              | 0.55 0.19 1.00
end-to-end, SBN         | 0.67 0.16 1.40
end-to-end, DBN         | 0.28 0.29 1.10
ablated-I, BS           | 0.61 0.19 1.00
ablated-I, HT           | 0.64 0.20 1.00
ablated-II, BS          | 0.35 0.14 1.30
ablated-II, HT          | 0.37 0.14 1.40
"""),
)

TABLE_2 = Table(
    paper="BinaryMuseGAN",
    number="Table 2",
    title="user study, share of votes",
    citation=CITATION,
    unit="listener; 20 listeners, five pairs each",
    columns=columns_of("votes: completeness harmonicity rhythmicity overall"),
    rows=rows_of("""
SBN                     | 0.19 0.44 0.56 0.16
DBN                     | 0.81 0.56 0.44 0.84
"""),
)

STORED = replace(
    TABLE_1,
    paper="BinaryMuseGAN",
    number="(stored files)",
    title="mean over the tracks (TD of guitar and piano), from the files beside the code",
    columns=columns_of(
        "EB: mean; UP: mean; QN: mean; PP: mean; SR: mean; DP: mean; UPC: mean; TD: guitar-piano"
    ),
    rows=rows_of("""
training data           | 0.5674 4.6582  0.8831 0.4480 0.5920 0.9152 2.5969 0.9642
pretrained, BS          | 0.5267 3.5196  0.6686 0.1968 0.6515 0.7505 2.1139 0.9753
pretrained, HT          | 0.5317 3.4522  0.7162 0.2151 0.6474 0.7506 2.0996 1.0006
proposed, SBN           | 0.3192 14.7546 0.4214 0.2624 0.6757 0.7409 6.0195 0.9855
proposed, DBN           | 0.6191 9.7286  0.7772 0.4474 0.6758 0.8079 4.1519 0.8672
joint, SBN              | 0.0216 15.6039 0.1782 0.1893 0.5941 0.6425 7.1512 0.9506
joint, DBN              | 0.2629 7.5554  0.5475 0.1936 0.7365 0.7415 3.6795 1.0265
end-to-end, SBN         | 0.4909 5.2092  0.6721 0.1593 0.5762 0.7131 2.6030 1.4077
end-to-end, DBN         | 0.5059 5.9300  0.2811 0.2864 0.7234 0.8461 3.1556 1.1004
ablated-I, BS           | 0.5056 3.1310  0.6096 0.1862 0.5889 0.8544 2.0414 0.9966
ablated-I, HT           | 0.5095 3.0999  0.6421 0.2038 0.5896 0.8550 2.0316 1.0110
ablated-II, BS          | 0.3254 3.9189  0.3460 0.1407 0.6454 1.0000 2.6979 1.3307
ablated-II, HT          | 0.3285 3.7342  0.3686 0.1444 0.6438 1.0000 2.6257 1.3523
"""),
)

TABLES = (TABLE_1, TABLE_2, STORED)
DEFINITIONS = ()
SUITE = Suite(MUSE, ("paper", "v2"), (TABLE_1,), n_steps=96)
