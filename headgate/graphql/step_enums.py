"""Enums of the settings of steps, described for clients."""

from headgate.graphql.enums import publish
from headgate.pipelines.steps.ad_metrics import AdMetric
from headgate.pipelines.steps.aggregate import AggregateFunction
from headgate.pipelines.steps.bin import BinMethod
from headgate.pipelines.steps.cast import CastErrors
from headgate.pipelines.steps.datetime import DatetimePart
from headgate.pipelines.steps.deduplicate import KeptDuplicate
from headgate.pipelines.steps.drop_missing import MissingIn
from headgate.pipelines.steps.encode import EncodeMethod
from headgate.pipelines.steps.fill import FillMethod
from headgate.pipelines.steps.join import JoinDuplicates, JoinHow
from headgate.pipelines.steps.lookup import LookupMissing
from headgate.pipelines.steps.mask import MaskMethod
from headgate.pipelines.steps.normalize import NormalizeMethod
from headgate.pipelines.steps.replace import ReplacedPart
from headgate.pipelines.steps.sort import SortOrder

publish(
    AggregateFunction,
    "What the step `aggregate` makes of the values of a group; null is no value.",
    COUNT="How many there are; of rows, where no column is named.",
    COUNT_DISTINCT="How many different ones there are.",
    SUM="Their sum; null where there are none.",
    MEAN="Their mean.",
    MIN="The smallest.",
    MAX="The largest.",
    MEDIAN="The one in the middle, or the mean of the two in the middle.",
    STDDEV="Their standard deviation, as of a sample; null for fewer than two.",
)
publish(
    AdMetric,
    "A figure that the step `adMetrics` calculates.",
    CTR="Clicks by impressions, as a fraction.",
    CPC="Spend by clicks.",
    CPM="Spend for a thousand impressions.",
    CPA="Spend by conversions.",
    CVR="Conversions by clicks, as a fraction.",
    ROAS="Revenue by spend.",
)
publish(
    JoinHow,
    "What the step `join` does with a row whose key the dataset doesn't have.",
    LEFT="Its new columns are null.",
    INNER="It is left out.",
)
publish(
    JoinDuplicates,
    "What the step `join` does where the dataset has a key in several rows.",
    REFUSE="The job fails.",
    FIRST="The first of them counts.",
    LAST="The last of them counts.",
)
publish(
    LookupMissing,
    "What the step `lookup` does with a row whose key the endpoint doesn't know.",
    NULL="Its new columns are null.",
    REJECT="It is rejected.",
    FAIL="The job fails.",
)
publish(
    FillMethod,
    "What the step `fill` puts in the place of null.",
    CONSTANT="The value that is given.",
    MEAN="The mean of the column's finite numbers.",
    MEDIAN="The median of the column's finite numbers.",
    MODE="The most frequent value of the column; of several the smallest.",
    FORWARD="The last value before.",
    BACKWARD="The first value behind.",
)
publish(
    MissingIn,
    "In how many of the columns values have to be missing for the step `dropMissing` to leave a row out.",
    ANY="In one of them at least.",
    ALL="In all of them.",
)
publish(
    KeptDuplicate,
    "Which of several equal rows the step `deduplicate` keeps.",
    FIRST="The first of them.",
    LAST="The last of them.",
)
publish(
    CastErrors,
    "What the step `cast` does with a value that can't be cast.",
    REJECT="Its row is rejected.",
    NULL="It becomes null.",
)
publish(
    ReplacedPart,
    "What the step `replace` looks at.",
    CELL="Each cell as a whole.",
    PART="Each part of a text.",
)
publish(
    MaskMethod,
    "How the step `mask` makes values unreadable.",
    HASH="By their SHA-256, as hexadecimal digits.",
    REDACT="By a fixed text.",
    KEEP_LAST="By a * for each character but the last ones.",
)
publish(
    NormalizeMethod,
    "How the step `normalize` scales numbers.",
    MIN_MAX="To the range from 0 to 1.",
    Z_SCORE="By their distance from the mean, in standard deviations.",
    ROBUST="By their distance from the median, in distances between the quartiles.",
)
publish(
    EncodeMethod,
    "What the step `encode` makes of categories.",
    ONE_HOT="A column of 0 and 1 for each of them.",
    ORDINAL="Their places in an order, from 0 on.",
    HASH="The numbers of buckets, the same for equal values everywhere.",
)
publish(
    DatetimePart,
    "A part of a date or moment, which the step `datetime` writes into a column.",
    YEAR="The year.",
    QUARTER="The quarter, from 1 to 4.",
    MONTH="The month, from 1 to 12.",
    WEEK="The week of ISO 8601, from 1 to 53.",
    DAY="The day of the month.",
    WEEKDAY="The day of the week, from 1, Monday, to 7.",
    DAY_OF_YEAR="The day of the year, from 1 to 366.",
    HOUR="The hour, from 0 to 23.",
    MINUTE="The minute.",
    SECOND="The second.",
    DATE="The date without the time.",
    TIME="The time without the date.",
)
publish(
    BinMethod,
    "Where the step `bin` puts the edges of its bins.",
    EQUAL_WIDTH="So that all bins are equally wide.",
    QUANTILE="So that all bins hold equally many numbers, as far as equal ones allow it.",
)
publish(
    SortOrder,
    "In which order the step `sort` puts the values of a column; null comes last.",
    ASC="The smallest first.",
    DESC="The greatest first.",
)
