"""The template `sales.orders`."""

from headgate.pipelines.templates.columns import column, key, lenient, upsert
from headgate.pipelines.templates.template import Template

TEMPLATE = Template(
    name="sales.orders",
    summary="Orders of a shop, a row for each line of an order, with their totals.",
    spec={
        "contract": lenient(
            key("order_id", "STRING", "Order ID", "orderId", "order_number", "Name"),
            column("line", "INTEGER", "line_number", "lineNumber", "line_item"),
            key("order_date", "DATE", "date", "Order date", "orderDate", "ordered_on"),
            column("customer_id", "STRING", "Customer ID", "customerId"),
            column("product", "STRING", "product_name", "Product name", "sku", "Lineitem name"),
            column("category", "STRING"),
            column("region", "STRING", "country"),
            column("quantity", "INTEGER", "qty", "units", "Lineitem quantity"),
            column("unit_price", "FLOAT", "price", "unitPrice", "Lineitem price"),
            column("discount", "FLOAT", "discount_rate", "discountRate"),
            column("total", "FLOAT", "amount", "revenue", "sales"),
            column("currency", "STRING"),
            column("status", "STRING"),
        ),
        "steps": [
            {
                "derive": {
                    "columns": [
                        {"name": "line", "sql": "COALESCE(line, 1)"},
                        {
                            "name": "total",
                            "sql": "COALESCE(total, ROUND(quantity * unit_price * (1 - COALESCE(discount, 0)), 2))",
                        },
                        {"name": "currency", "sql": "UPPER(TRIM(currency))"},
                    ]
                }
            }
        ],
        "checks": [
            {"range": {"columns": ["quantity"], "min": 0, "exclusiveMin": True}},
            {"range": {"columns": ["unit_price"], "min": 0}},
            {"range": {"columns": ["discount"], "min": 0, "max": 1}},
            {"required": {"columns": ["total"], "severity": "WARNING"}},
        ],
        "sinks": upsert("sales_orders", "order_id", "line"),
    },
    records=[
        {
            "order_id": "1001",
            "order_date": "2024-03-01",
            "product": "Shoe",
            "quantity": 2,
            "unit_price": 49.9,
            "discount": 0.1,
            "currency": "eur",
        },
        {
            "order_id": "1001",
            "line": 2,
            "order_date": "2024-03-01",
            "product": "Laces",
            "quantity": 1,
            "unit_price": 4.5,
            "currency": "eur",
        },
    ],
)
