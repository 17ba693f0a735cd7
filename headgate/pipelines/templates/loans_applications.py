"""The template `loans.applications`."""

from headgate.pipelines.templates.columns import column, key, lenient, upsert
from headgate.pipelines.templates.template import Template

TEMPLATE = Template(
    name="loans.applications",
    summary="Applications for loans, one for each customer, with what is borrowed in relation to the income.",
    spec={
        "contract": lenient(
            key("customer_id", "STRING", "Customer ID", "customerId"),
            column("name", "STRING", "Full name", "applicant", "customer_name"),
            column("age", "INTEGER"),
            column("income", "FLOAT", "annual_income", "annualIncome"),
            column("loan_amount", "FLOAT", "amount", "loanAmount"),
            column("credit_score", "INTEGER", "creditScore", "score"),
            column("employment_history", "STRING", "employment", "employmentHistory"),
            column("loan_status", "STRING", "status", "loanStatus"),
        ),
        "steps": [
            {
                "derive": {
                    "columns": [
                        {"name": "loan_status", "sql": "LOWER(TRIM(loan_status))"},
                        {"name": "loan_to_income", "sql": "ROUND(loan_amount / income, 4)"},
                    ]
                }
            }
        ],
        "checks": [
            {"range": {"columns": ["age"], "min": 18, "max": 120}},
            {"range": {"columns": ["income"], "min": 0}},
            {"range": {"columns": ["loan_amount"], "min": 0, "exclusiveMin": True}},
            {"range": {"columns": ["credit_score"], "min": 300, "max": 850}},
            {"required": {"columns": ["loan_amount"]}},
            {
                "required": {
                    "columns": ["income", "credit_score"],
                    "name": "completeness",
                    "severity": "WARNING",
                }
            },
            {
                "oneOf": {
                    "columns": ["loan_status"],
                    "values": ["approved", "pending", "rejected"],
                    "severity": "WARNING",
                }
            },
        ],
        "sinks": upsert("loans_applications", "customer_id"),
    },
    records=[
        {
            "customer_id": "00017",
            "name": "Amara Okafor",
            "age": 34,
            "income": 58200,
            "loan_amount": 15000,
            "credit_score": 712,
            "employment_history": "6 years, one employer",
            "loan_status": "approved",
        },
        {
            "customer_id": "00058",
            "name": "Fatima Zahra",
            "age": "38",
            "loan_amount": "12000",
            "loan_status": "Pending",
        },
    ],
)
