"""CAMEL AI chemistry: problems and solutions that GPT-4 wrote by topic and sub-topic.

Li et al. 2023, arXiv:2303.17760.
"""

from cauldron.sources._camel import camel

SOURCE = camel("chemistry")
