r"""The closed word lists and text rules of the caption parser."""
import re
from typing import Tuple

#: Nouns that name the picture itself.
FRAMES = frozenset(
    'photo photograph picture image snapshot shot view pic close-up'.split())

#: "a group of men" is men: the noun before "of" only counts or measures.
PARTITIVES = frozenset(
    'group pair couple bunch number lot set variety series collection type kind '
    'sort array mix handful dozen plenty piece body row line cluster'.split())

#: "in front of a house" is a predicate: these are places, not things.
PLACES = frozenset(
    'front top middle center centre side back background foreground bottom edge '
    'corner left right end base distance rear midst inside outside half'.split())
PLACE_PREPOSITIONS = frozenset('in on at to from near along by'.split())

#: Subjects of what is not so.
NOBODY = frozenset('nobody none neither nothing'.split())

#: Where things happen: "playing with a kite on the beach" is not about the kite.
LOCATIONS = frozenset(
    'beach field street road court stage office park pool stadium gym kitchen garden '
    'sidewalk grass ground water snow floor pitch arena classroom'.split())

#: Of these, the ones without walls: what is "on the beach with" one thing is a person.
OPEN_AIR = frozenset(
    'beach field street road sidewalk grass ground water snow pitch'.split())

#: Names of two words whose last one is something else: a hot dog is no dog.
COMPOUNDS = frozenset({
    'hot dog', 'corn dog', 'teddy bear', 'gummy bear', 'guinea pig', 'piggy bank',
    'sea lion', 'sea horse', 'computer mouse', 'action figure',
    'stuffed animal', 'balloon animal', 'rocking horse', 'hobby horse', 'pommel horse'
})  # yapf: disable

#: What is written stands behind these, also without quotes: "the word dynamon".
WRITTEN = frozenset('word words text caption hashtag title slogan letters'.split())

#: Times, manners, counts, bare colours and what has no shape are not seen as objects.
UNSEEN = frozenset(
    'night day morning evening afternoon time year moment date daytime nighttime '
    'sunset dusk dawn way fact example addition style variety action other others '
    'mid-air motion progress expression context january february march april may '
    'june july august september october november december monday tuesday wednesday '
    'thursday friday saturday sunday red black white yellow blue green orange pink '
    'purple gray grey brown gold silver beige admiration attention focus content '
    'information situation relationship representation appearance importance interest '
    'role desire achievement success response behavior reaction amount use '
    'description comparison topic value victory performance location life history '
    'none nobody nothing memory surprise language system development scenario point '
    'concept process flow operation context idea theme purpose'.split())

_MALE = 'man boy guy father king gentleman husband son brother prince groom he him his'
_FEMALE = 'woman girl lady mother queen wife daughter sister princess bride she her'
MALE = frozenset(_MALE.split())
FEMALE = frozenset(_FEMALE.split())

#: What acts without being a "he" or "she" before anybody else is.
ANIMALS = frozenset(
    'dog cat horse bird bear lion tiger elephant monkey rat puppy kitten cow sheep '
    'animal'.split())

#: Nouns (and last parts of nouns) that act, and that "he" or "she" may stand for.
PERSONS = MALE | FEMALE | ANIMALS | frozenset(
    'person people individual human figure child kid baby adult teenager player '
    'athlete coach fan spectator audience crowd couple family team officer '
    'policeman police soldier worker singer dancer musician guitarist drummer '
    'rapper actor actress performer artist band speaker politician president '
    'minister leader chef cook waiter doctor nurse student teacher professor '
    'fighter wrestler boxer golfer swimmer runner rider driver pilot cyclist skater '
    'skateboarder surfer referee umpire goalkeeper goalie pitcher catcher batter '
    'quarterback reporter journalist anchor host presenter interviewer '
    'photographer model fashion friend member character superhero hero villain monk '
    'priest bishop pope nun judge lawyer passenger tourist visitor customer farmer '
    'fisherman firefighter astronaut clown santa cowboy knight warrior wizard '
    'zombie protester demonstrator guest celebrity group others teammate opponent '
    'twin toddler infant graduate veteran'.split())
_PERSON_ENDINGS = ('man', 'woman', 'person', 'people', 'boy', 'girl', 'player')

#: A definite "the individual" takes up whoever was named before.
GENERIC_PERSONS = frozenset('person individual figure subject'.split())

#: What persons do; a dress does not hold a baby.
ACTIONS = frozenset(
    'hold wear sit stand look smile pose talk speak walk run play ride eat drink '
    'read give shake gesture celebrate wave sing dance perform carry point lie lay '
    'lean kneel jump kick throw hug kiss laugh stare gaze drive sleep swim write '
    'cook shop work watch listen clap cheer embrace face engage interact converse '
    'march stretch reach make take address deliver raise peek '
    'dress'.split())

#: What two do to each other where nobody else is named.
RECIPROCAL = frozenset({'hug', 'kiss', 'embrace', 'cuddle'})


def _gerund(verb: str) -> str:
    if verb == 'lie':
        return 'lying'
    if verb in ('sit', 'run', 'hug', 'swim', 'shop', 'clap'):
        return f'{verb}{verb[-1]}ing'
    return f'{verb[:-1]}ing' if verb.endswith('e') else f'{verb}ing'


#: "standing": the verb of each gerund that a tagger may take for a noun.
GERUNDS = {_gerund(verb): verb for verb in ACTIONS}

#: Parts of persons: "sitting with his legs crossed" is about the person.
BODY_PARTS = frozenset(
    'hand arm leg foot finger fist eye mouth head face hair beard smile thumb'.split())

#: What stands on a shirt or a sign.
PRINTS = frozenset(
    'word text number logo name letter lettering design pattern stripe print '
    'graphic emblem accent picture image flag symbol writing label slogan badge '
    'patch'.split())

#: What one person wears.
CLOTHES = frozenset(
    'dress suit shirt t-shirt jacket hat cap uniform gown coat costume jersey '
    'outfit top vest sweater hoodie beard robe scarf helmet mask'.split())

#: Pictures within the picture: "a drawing of a man with a hat".
DRAWINGS = frozenset(
    'drawing painting illustration cartoon sketch poster portrait statue screenshot '
    'sculpture rendering silhouette graphic photo image picture photograph'.split())

#: Counts and hedges, left out of a label: "several people" are people.
VAGUE = frozenset(
    'many several various few multiple numerous different other presumably possibly '
    'likely perhaps partially partly visible'.split())

#: The singular of these is another thing.
PLURAL_ONLY = frozenset(
    'glasses sunglasses pants jeans shorts trousers goggles headphones scissors '
    'clothes tights leggings earphones handcuffs binoculars'.split())

#: Verbs of a frame: "the image shows a man" is "a man".
_SHOW = ('shows?|showing|contains?|features?|featuring|depicts?|depicting|displays?|'
         'displaying|presents?|captures?|capturing|includes?|is of|portrays?')
_LOOKS = (
    '(?:black and white|black-and-white|close[- ]?up|blurry|blurred|old|vintage|'
    'colou?r|colou?rful|grainy|aerial|scenic|panoramic|cropped|group|single|split|'
    'low-resolution|high-resolution|stylized|still|screen|wide|side|top|satellite|'
    'underwater|beautiful|stock|promotional|digital|animated|cartoon|computer)')
_FRAME = ('(?:photos?|photographs?|pictures?|images?|snapshot|screenshots?|shot|view|'
          'pic|close[- ]?up)')
_HEAD = rf'(?:an?|the|this|two|three|four)?\s*(?:{_LOOKS},? (?:and )?){{0,4}}{_FRAME}'
_START = r'(^|(?<=[.!?] )|(?<=[.!?]["”] ))'

#: Replacements made in this order before a caption is parsed.
REPLACEMENTS: Tuple[Tuple['re.Pattern[str]', str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), new) for pattern, new in (
        # What a captioning model repeats of its instruction.
        (r'^or \d+ characters\b[.,:]?\s*', ''),
        (r'\b(t|tee)[- ]shirt', 't-shirt'),
        # Without an article, the tie of "a suit and tie" reads as a verb.
        (r'\band (tie|top|hat|cap|watch|dress|skirt)\b', r'and a \1'),
        (r'\bscreen ?shot', 'screenshot'),
        (rf'{_START}(?:there (?:is|are) |this is |these are |it is )?{_HEAD},?'
         rf'(?: side by side)? (?:of|{_SHOW}) ', r'\1'),
        (rf'{_START}(?:in|on) (?:the|this) {_FRAME},? (?:there (?:is|are) )?', r'\1'),
        (rf'{_START}{_HEAD} (?:is|are) (?=an? )', r'\1'),
        (rf',? (?:in|of|within|throughout) (?:the|this) {_FRAME}(?=[,.;]|$)', ''),
        (r' for (?:an? |the |their )?(?:group |family )?'
         r'(?:photos?|photographs?|pictures?|selfies?|cameras?|portraits?)\b', ''),
        (r' (?:at|into|to|towards?|facing) the cameras?\b', ''),
        # What a captioning model concludes rather than sees.
        (rf'{_START}(?:this|it|that|the (?:style|{_FRAME})) '
         r'(?:suggests|indicates|implies) [^.!?]*[.!?]?', r'\1'),
        (r',? (?:suggesting|implying|possibly to|perhaps to|presumably to|likely to) '
         r'[^.!?]*', ''),
    ))


def is_person(lemma: str) -> bool:
    r"""Whether a noun names somebody who acts."""
    return lemma in PERSONS or lemma.endswith(_PERSON_ENDINGS)


def head_of(label: str) -> str:
    r"""The noun of a label: its last word, or last two if they are one name."""
    words = label.split()
    last = ' '.join(words[-2:])
    return last if last in COMPOUNDS else words[-1]


def simplified(caption: str) -> str:
    r"""The caption without the phrases that speak of the picture itself."""
    text = ' '.join(caption.split())
    for pattern, new in (*REPLACEMENTS, *REPLACEMENTS):  # "an image of a close-up of"
        text = pattern.sub(new, text)
    return text.strip()
