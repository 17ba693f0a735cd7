"""Enums of the settings of steps, described for clients."""

from headgate.graphql.enums import publish
from headgate.pipelines.steps.ad_metrics import AdMetric
from headgate.pipelines.steps.aggregate import AggregateFunction
from headgate.pipelines.steps.join import JoinDuplicates, JoinHow
from headgate.pipelines.steps.lookup import LookupMissing

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
