"""Words and phrases that signals look for."""

from __future__ import annotations

STOP_WORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before
    being below between both but by can could did do does doing down during each few for from
    further had has have having he her here hers herself him himself his how i if in into is it its
    itself just many may me might more most much must my myself no nor not now of off on once only
    or other our ours ourselves out over own same she should so some such than that the their theirs
    them themselves then there these they this those through to too under until up us very was we
    were what when where which while who whom whose why will with within without would you your
    yours yourself yourselves""".split()
)
"""English words that carry no topic."""

FLAGGED_WORDS = frozenset(
    """anal anus bdsm bestiality blowjob blowjobs boobs bukkake camgirl cock cocks creampie cum
    cumshot cunt deepthroat dildo erotic escort escorts fetish fuck fucked fucking gangbang
    gloryhole handjob hardcore hentai horny incest lesbians masturbate masturbating masturbation
    milf milfs nude nudes
    orgasm orgy penis porn porno pornhub pornography pornos pussy rape sex sexcam sexy
    shemale slut sluts threesome tits upskirt vagina vibrator whore xnxx xvideos xxx""".split()
)
"""English words of pages for adults; a share of them tells more than one."""

REFUSALS = ("language model", "sorry", "openai")
"""What answers say that speak of the model or refuse; from: huggingface/smollm, build_ds_sft.py."""

SPECIAL_TOKENS = (
    "<unk>",
    "<s>",
    "</s>",
    "<fake_token_around_image>",
    "<image>",
    "<end_of_utterance>",
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
)
"""Special tokens of Idefics2 and its successors; in a text they would steer the model."""

UNSEEN_PICTURE = (
    r"(can ?not|can['’]t|unable to|not able to|don['’]t|do not|couldn['’]t) "
    r"((actually|currently|directly|physically|really) )?"
    r"(see|view|access|open|process|analy[sz]e|display|look at) "
    r"(the |this |that |these |an |any |your |such )?((actual|attached|provided|uploaded) )?"
    r"(image|picture|photo|photograph|attachment)"
    r"|no (image|picture|photo)s? (is|are|was|were|has been|have been) "
    r"(attached|given|included|provided|shared|uploaded|visible)"
    r"|(image|picture|photo) (is|was) not (attached|given|included|provided|shared|uploaded)"
)
"""How answers say, in lower case, that the model did not see the picture (RE2)."""
