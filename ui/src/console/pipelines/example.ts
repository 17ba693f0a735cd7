/** What the form for a new pipeline begins with: it runs as it stands. */
export const EXAMPLE = `description: What was sold in each country.
source:
  records:
    records:
      - {order: 1001, country: DE, product: Shoe, quantity: 2, price: 49.90}
      - {order: 1002, country: FR, product: Laces, quantity: 1, price: 4.50}
      - {order: 1003, country: DE, product: Sock, quantity: 6, price: 3.20}
steps:
  - derive: {columns: [{name: revenue, sql: "quantity * price"}]}
  - aggregate:
      groupBy: [country]
      metrics:
        - {function: COUNT, as: orders}
        - {function: SUM, column: revenue, as: revenue}
checks:
  - range: {columns: [revenue], min: 0}
sinks:
  - dataset: {name: sold-by-country, mode: REPLACE}
`;
