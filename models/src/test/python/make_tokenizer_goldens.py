"""Writes the tokenizer goldens: small trained tokenizers, and what Hugging Face makes of hard text.

    python make_tokenizer_goldens.py ../resources/goldens/tokenizer

Each directory under the output is a tokenizer (tokenizer.json, tokenizer_config.json) with
cases.json: for a text its ids without and with special tokens, for ids the text without and with
special tokens skipped. The three main tokenizers have the pre-tokenizers of GPT-2, Llama 3 and
Qwen2; the fourth has what those three leave out. corpus.json holds what they were trained on.
Made with tokenizers 0.23.2; the seed is fixed.
"""

import json
import random
import sys
import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

SEED = 20

LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2_PATTERN = LLAMA3_PATTERN.replace(r"\p{N}{1,3}", r"\p{N}")

CORPUS = [
    "The heron stands in the shallow water, and it doesn't move until the fish forgets that it's "
    "there. We've watched it for hours; they'll watch it for days. I'm sure you'd do the same.",
    "In 1997 the harbour had 12,345 visitors, in 2024 it had 1,048,576. That's 84.9 times as many.",
    "def area(width, height):\n    # the area of a rectangle\n    return width * height\n\n\n"
    "for i in range(10):\n\tprint(i, area(i, i + 1))\n",
    "Der Fluß fließt an der größten Straße vorbei; die Übung ist für ältere Schüler ungewöhnlich.",
    "L'été, les élèves étaient là où la forêt s'arrête. Où êtes-vous allés, à Noël ou à Pâques ?",
    "El niño pequeño soñaba con una montaña; mañana comerá piña en España. ¿Qué más quieres?",
    "Старый рыбак ловил рыбу у берега моря, и каждый вечер он рассказывал детям старую сказку.",
    "Η θάλασσα είναι ήρεμη σήμερα και ο ψαράς τραγουδά ένα παλιό τραγούδι για τη θάλασσα.",
    "老渔夫每天在海边钓鱼，晚上他给孩子们讲古老的故事。海边的孩子们都喜欢古老的故事。",
    "古い漁師は毎日海辺で魚を釣り、夜になると子供たちに古い物語を話しました。",
    "늙은 어부는 매일 바닷가에서 낚시를 하고 밤에는 아이들에게 옛날 이야기를 들려주었다.",
    "كان الصياد العجوز يصطاد السمك كل يوم عند البحر، وفي المساء يحكي للأطفال قصة قديمة.",
    "הדייג הזקן דג דגים בים בכל יום, ובערב הוא סיפר לילדים סיפור ישן.",
    "बूढ़ा मछुआरा हर दिन समुद्र के किनारे मछली पकड़ता था और शाम को बच्चों को कहानी सुनाता था।",
    "ชาวประมงชราตกปลาที่ชายทะเลทุกวัน และตอนเย็นเขาเล่านิทานให้เด็กๆ ฟัง",
    "Good morning 🌞! The family 👨‍👩‍👧‍👦 went to the sea 🌊🌊 and saw a heron 🐦. 🇩🇪🇫🇷 👍🏽",
    "the the the water water water in in in and and and   spaces    many     spaces",
    "{\"name\": \"heron\", \"legs\": 2, \"weight\": 1.5e0, \"tags\": [\"bird\", \"water\"]}",
    "https://example.org/birds?name=heron&year=2024#nest -- see also: /usr/share/doc/heron.txt",
] * 3

HAND_WRITTEN = [
    "", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n ", "\n \n", "   a", "a   ", " a ", "  a  b  ",
    "a\nb", "a \n b", "a\r\nb\rc", "a\n\n\n  b", "\t\tx = 1\n", "x\t y", "tabs\tand\u00a0nbsp",
    "\u00a0", "\u00a0\u00a0a", "a\u00a0", "\u2028a\u2029b", "a\u3000b", "\u200ba\u200bb", "\ufeffbom",
    "a\u0085b", "\u1680x", "\u180ea", "a\x0bb\x0cc", "\x00", "\x00\x01\x02 \x1f\x7f", "a\x1cb\x1dc\x1ed\x1fe",
    "it's IT'S It'S 'S 's ' s", "don't DON'T Don'T", "they're THEY'RE 'Re 'rE", "we've WE'VE 'vE",
    "I'm I'M 'm'M", "you'll YOU'LL 'lL 'Ll", "he'd HE'D", "it'\u017f IT'\u017fx '\u017f", "it\u2019s don\u2019t",
    "''s'''t", "'sabc 'tabc 'dabc", "'", "'x", "rock'n'roll", "'\u212a \u212a 'k", "o'\u0130 \u0131's", "l\u2019\u00e9t\u00e9 l'\u00e9t\u00e9",
    "0", "7", "42", "123", "1234", "12345", "123456", "1234567", "1 2 3", " 1", " 1234 5678", "3.14159", "1,048,576", "0x1F",
    "a1b22c333d4444", "\u0663\u0664\u0665\u0666", "\u00bd\u00b2\u2460\u216b", "\u0967\u0968\u0969\u096a 12", "1\u0301 2\u20e3", "\U0001d7d8\U0001d7d9\U0001d7da\U0001d7db",
    "e\u0301", "cafe\u0301 caf\u00e9", "a\u0300\u0301\u0302", "\u0301", "\u0301\u0302 a", " \u0301", "A\u030a \u00c5 \u212b", "\u1100\u1161\u11a8 \uac01",
    "\u0915\u093c \u0958", "q\u0323\u0307 q\u0307\u0323", "\ufb01 \ufb06 \u00df", "\u0344 \u0385 \u1fee", "\u2126 \u03a9 \u2f800 \U0002f800",
    "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", "a\U0001f600b", " \U0001f600 \U0001f600", "\u2764\ufe0f", "1\ufe0f\u20e3",
    "\u8001\u6e14\u592b\u6bcf\u5929", "\u53e4\u3044\u6f01\u5e2b", "\ub299\uc740 \uc5b4\ubd80", "\u4f60\u597d\uff0cworld\u3002", "\U00020000\U0002a6d6", "\uff11\uff12\uff13 \uff21\uff22", "\u3042\u3044\u3099",
    "\u0643\u0627\u0646 \u0627\u0644\u0635\u064a\u0627\u062f", "\u05d4\u05d3\u05d9\u05d9\u05d2", "\u202eabc\u202c", "\u0628\u0650\u0633\u0652\u0645", "\u0e0a\u0e32\u0e27\u0e1b\u0e23\u0e30\u0e21\u0e07", "\u092c\u0942\u0922\u093c\u093e",
    "\u01c5 \u02b0 \u1d2c", "\U0001d400\U0001d401", "\u00aa\u00ba", "\u2160\u2170", "\ue000\U000f0000", "\ufffd\ufffe\uffff", "\U0010ffff", "\u0378\u0530",
    "!!!", "...", " ...", "a...b", "!?\n\n", "!?\r\n x", " !\n", "->=>", "$100 \u20ac100 \u00a5", "@#%^&*()", "a_b __c__", "x=y;z", "C++ c# f()", "<html><b>x</b></html>", "\\n \\t", "\"quoted\"", "` `` ```", "\u00ab\u00e9\u00bb \u201eq\u201c",
    "unreachable words, an unreachable word", "the heron stands in the water", "THE HERON", "  def f():\n\n\n    return 1\n\n", "https://example.org/a?b=c#d",
    "a" * 70, " " * 70, "\n" * 40, "9" * 70, "!" * 70, "\u00e9" * 40, "ab" * 40, " a" * 40, "\n " * 30, "\U0001f600" * 20, "the" * 30,
]

ADDED_TEXTS = [
    "<|end|>", "a<|end|>b", " <|end|> ", "<|end|><|end|>", "<|end", "<|end|", "<<|end|>>", "<|END|>", "<|end|>\n\n<|end|>",
    "<mask>", "a <mask> b", "a  \n<mask>  b", "<mask><mask>", " <mask> <mask>", "<right>  \n x", "x <right>\u00a0\u2028y", "<right> <mask>", "<right>  <right>  x",
    "<both>", "  <both>  ", "a \t<both>\t b", "<both> <both>", "<right> <both> <mask>", "word", "a word here", "password", "wordy", "word.", "_word", "word\u0301", "\u00e9word", "word word", "1word", "(word)", "word\u200d", "sword word swords",
    "<a>", "<a><b>", "<a><b", "<a><a><b><b>", "<a><b><c>", "x<a>y<a><b>z", "cafe\u0301 caf\u00e9", "uncaf\u00e9d uncafe\u0301d", "\u00c5ngstr\u00f6m", "A\u030angstro\u0308m x", "\u00fc", "a\u00fcb \u00fc", "u\u0308", "\u4e2d\u6587", "\u8001\u4e2d\u6587\u5929", "<\U0001f600>", "a<\U0001f600>b<\U0001f600", "the <tool>call</tool> end", "  gap  ", "a  gap  b", "<|begin|>hi", "hi<|begin|>",
]


def added_tokens(end_special=True):
    token = AddedToken
    return [
        token("<|end|>", special=end_special, normalized=False),
        token("<mask>", special=True, lstrip=True, normalized=False),
        token("<right>", special=True, rstrip=True, normalized=False),
        token("<both>", lstrip=True, rstrip=True, normalized=False),
        token("word", single_word=True, normalized=False),
        token("<a>", normalized=False),
        token("<a><b>", special=True, normalized=False),
        token("<b>", normalized=True),
        token("caf\u00e9", normalized=True),
        token("A\u030angstro\u0308m", normalized=True),
        token("\u00fc", normalized=False),
        token("\u4e2d\u6587", normalized=True, single_word=True),
        token("<\U0001f600>", normalized=False),
        token("<tool>", normalized=True),
        token("</tool>", normalized=True, rstrip=True),
        token("  gap  ", normalized=False),
    ]


def fuzz_texts(rng, count):
    by_category = {}
    for point in range(0x110000):
        category = unicodedata.category(chr(point))
        if category not in ("Cs", "Cn", "Co"):
            by_category.setdefault(category, []).append(chr(point))
    categories = sorted(by_category)
    # Old enough to be in the tables of every library involved.
    common = [chr(p) for p in list(range(0x20, 0x17F)) + list(range(0x300, 0x530))]
    pieces = ["'s", "'LL", " ", "  ", "\n", "\r\n", "\t", "<|end|>", "<mask>", "<a>", "word", "12", "345", "the", "e\u0301", "\u1100\u1161"]
    texts = []
    for i in range(count):
        text = []
        for _ in range(rng.randint(1, 24)):
            kind = rng.random()
            if kind < 0.4:
                text.append(rng.choice(pieces))
            elif kind < 0.7:
                text.append(rng.choice(common))
            else:
                letter = rng.choice(by_category[rng.choice(categories)])
                if unicodedata.ucd_3_2_0.category(letter) != "Cn":
                    text.append(letter)
        texts.append("".join(text))
    return texts


def train(pre_tokenizer, normalizer, vocabulary_size, special_tokens):
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=2,
        special_tokens=special_tokens,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def split_and_byte_level(pattern):
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False),
        ]
    )


def gpt2():
    pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = train(pre_tokenizer, None, 700, ["<|endoftext|>"])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_tokens(added_tokens())
    config = {
        "add_prefix_space": False,
        "bos_token": "<|endoftext|>",
        "eos_token": {"__type": "AddedToken", "content": "<|endoftext|>", "lstrip": False},
        "tokenizer_class": "GPT2Tokenizer",
    }
    return tokenizer, config


def llama3():
    tokenizer = train(split_and_byte_level(LLAMA3_PATTERN), None, 700, [])
    state = json.loads(tokenizer.to_str())
    state["model"]["ignore_merges"] = True
    # Words no merge leads to: only ignore_merges finds them.
    for word in ("unreachable", "\u0120unreachable", "\u0120heronry", "THE"):
        state["model"]["vocab"].setdefault(word, len(state["model"]["vocab"]))
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_special_tokens(["<|begin|>", "<|eot|>"])
    tokenizer.add_tokens(added_tokens())
    template = processors.TemplateProcessing(
        single="<|begin|> $A",
        pair="<|begin|> $A <|begin|> $B:1",
        special_tokens=[("<|begin|>", tokenizer.token_to_id("<|begin|>"))],
    )
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return tokenizer, {"bos_token": "<|begin|>", "eos_token": "<|eot|>", "pad_token": None}


def qwen2():
    tokenizer = train(split_and_byte_level(QWEN2_PATTERN), normalizers.NFC(), 800, [])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_tokens(added_tokens())
    config = {"add_bos_token": False, "bos_token": None, "eos_token": "<|end|>", "pad_token": "<mask>"}
    return tokenizer, config


def mixed():
    """The parts that the others leave out, with merges in the old spelling."""
    steps = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(", ", behavior="removed", invert=False),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Split(Regex(r"[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), behavior="isolated", invert=False),
            pre_tokenizers.Split(Regex(r"(?:[a-z]++\d?|[^a-z])"), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True),
        ]
    )
    tokenizer = train(steps, normalizers.Sequence([normalizers.NFC()]), 500, ["<pad>", "<s>", "</s>"])
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel()])
    template = processors.TemplateProcessing(
        single="<s> $A </s> </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    tokenizer.post_processor = template
    tokenizer.add_tokens(added_tokens(end_special=False))
    state = json.loads(tokenizer.to_str())
    state["model"]["merges"] = [" ".join(pair) for pair in state["model"]["merges"]]
    config = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": {"content": "<pad>"}, "add_prefix_space": True}
    return Tokenizer.from_str(json.dumps(state)), config, state


def text_cases(tokenizer, texts):
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        yield {
            "text": text,
            "ids": ids,
            "ids_with_special": tokenizer.encode(text, add_special_tokens=True).ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "decoded_skipping": tokenizer.decode(ids, skip_special_tokens=True),
        }


def id_cases(tokenizer, rng, count):
    size = tokenizer.get_vocab_size()
    alphabet = [i for i in range(size) if len(tokenizer.id_to_token(i)) == 1]
    for i in range(count):
        source = alphabet if i % 2 else range(size)
        ids = [rng.choice(source) for _ in range(rng.randint(1, 20))]
        ids += [size + 5] if i % 10 == 0 else []
        yield {
            "ids": ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "decoded_skipping": tokenizer.decode(ids, skip_special_tokens=True),
        }


def dump(path, value):
    path.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="ascii")


def main(output):
    for name, make in (("gpt2", gpt2), ("llama3", llama3), ("qwen2", qwen2), ("mixed", mixed)):
        rng = random.Random(SEED)
        tokenizer, config, *state = make()
        directory = output / name
        directory.mkdir(parents=True, exist_ok=True)
        dump(directory / "tokenizer.json", state[0] if state else json.loads(tokenizer.to_str()))
        dump(directory / "tokenizer_config.json", config)
        texts = HAND_WRITTEN + ADDED_TEXTS + fuzz_texts(rng, 60)
        cases = {
            "tokenizers": tokenizers.__version__,
            "seed": SEED,
            "vocabulary_size": tokenizer.get_vocab_size(),
            "texts": list(text_cases(tokenizer, texts)),
            "ids": list(id_cases(tokenizer, rng, 80)),
        }
        dump(directory / "cases.json", cases)
    dump(output / "corpus.json", CORPUS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
