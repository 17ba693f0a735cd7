import { useState } from "react";
import type { Json } from "../../graph";
import type { Order } from "./address";
import { isNumeric } from "./conditions";
import type { RowPage } from "./queries";
import { Value } from "./Value";
import { WholeValue } from "./WholeValue";

interface Props {
  page: RowPage;
  /** The number of the first row, from 1. */
  from: number;
  order: Order | null;
  onOrder: (order: Order | null) => void;
}

interface Cell {
  column: string;
  value: Json;
}

/** Rows of a dataset in a box of their own, under headings that sort. */
export function RowTable({ page, from, order, onOrder }: Props) {
  const [open, setOpen] = useState<Cell | null>(null);
  return (
    <>
      <div className="scroll rows" role="region" aria-label="Rows" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col" className="number"><span className="unseen">Row</span></th>
              {page.columns.map((column) => <Heading key={column.name} column={column} order={order} onOrder={onOrder} />)}
            </tr>
          </thead>
          <tbody>
            {recordsOf(page).map((record, place) => (
              <tr key={place}>
                <th scope="row" className="number place">{from + place}</th>
                {page.columns.map(({ name, type }) => (
                  <td key={name} className={isNumeric(type) ? "number" : undefined}>
                    <Value value={record[name]} onOpen={() => setOpen({ column: name, value: record[name] ?? null })} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {open && <WholeValue {...open} onClose={() => setOpen(null)} />}
    </>
  );
}

function Heading({ column, order, onOrder }: { column: RowPage["columns"][number] } & Pick<Props, "order" | "onOrder">) {
  const direction = order?.column === column.name ? order.direction : null;
  return (
    <th
      scope="col"
      className={isNumeric(column.type) ? "number" : undefined}
      aria-sort={direction === null ? undefined : direction === "ASC" ? "ascending" : "descending"}
    >
      <button type="button" className="heading" title={`Sort by ${column.name}`} onClick={() => onOrder(nextOrder(column.name, direction))}>
        <span className="heading-name">{column.name}</span>
        <span aria-hidden="true" className="arrow">{direction === null ? "" : direction === "ASC" ? "▲" : "▼"}</span>
      </button>
      <span className="type">{column.type.toLowerCase()}</span>
    </th>
  );
}

/** Up, then down, then as the rows were committed. */
function nextOrder(column: string, direction: Order["direction"] | null): Order | null {
  if (direction === "DESC") return null;
  return { column, direction: direction === null ? "ASC" : "DESC" };
}

function recordsOf(page: RowPage): { [column: string]: Json }[] {
  const records = Array.isArray(page.records) ? page.records : [];
  return records.filter((each): each is { [column: string]: Json } => each !== null && typeof each === "object" && !Array.isArray(each));
}
