/** Lists that are read page by page, as Relay's connections have it. */

import type { TypedDocumentNode } from "@urql/core";
import { useCallback, useEffect, useRef, useState } from "react";
import { type Client, type CombinedError, useClient } from "urql";

export interface Connection<Entry> {
  edges: { node: Entry }[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

export interface Pages<Entry> {
  /** What was read so far, in order; null before the first page came. */
  entries: Entry[] | null;
  error: CombinedError | null;
  isReading: boolean;
  hasMore: boolean;
  /** Read the next page; at the end of a list, what has come behind it since. */
  more: () => void;
  /** Read what is shown anew, from the beginning, and show it all at once. */
  reload: () => void;
}

interface State<Entry> {
  key: string;
  entries: Entry[] | null;
  cursor: string | null;
  hasMore: boolean;
  error: CombinedError | null;
  isReading: boolean;
}

interface Page<Entry> {
  entries: Entry[];
  cursor: string | null;
  hasMore: boolean;
}

/**
 * Read a list page by page, and begin anew where the variables change.
 *
 * `pick` finds the connection in an answer; none is an empty list. What was read before is shown at once, while it
 * is read anew. The cache has to keep pages apart: no `relayPagination` for this field.
 */
export function usePages<Data, Variables extends { after?: string | null }, Entry>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Omit<Variables, "after">,
  pick: (data: Data) => Connection<Entry> | null | undefined,
): Pages<Entry> {
  const client = useClient();
  const key = JSON.stringify(variables);
  const source = useRef({ pick, variables });
  source.current = { pick, variables };
  const [state, setState] = useState<State<Entry>>(() => begin(key, cachedPages(client, query, variables, pick)));
  const current = state.key === key ? state : begin<Entry>(key, null);
  const latest = useRef(current);
  latest.current = current;
  const turn = useRef(0);

  const read = useCallback(
    async (from: Page<Entry> | null, atLeast: number) => {
      const mine = ++turn.current;
      setState({ ...latest.current, isReading: true, error: null });
      let page = from;
      do {
        const asked = { ...source.current.variables, after: page?.cursor ?? null } as unknown as Variables;
        const { data, error } = await client.query(query, asked, { requestPolicy: "network-only" });
        if (mine !== turn.current) return;
        if (!data) {
          setState({ ...latest.current, isReading: false, error: error ?? null });
          return;
        }
        page = append(page, source.current.pick(data));
      } while (page.hasMore && page.entries.length < atLeast);
      setState({ key: latest.current.key, ...page, error: null, isReading: false });
    },
    [client, query],
  );

  useEffect(() => {
    void read(null, latest.current.entries?.length ?? 0);
    return () => void turn.current++;
  }, [key, read]);

  const more = useCallback(() => {
    const { entries, cursor, hasMore, isReading } = latest.current;
    if (entries && !isReading) void read({ entries, cursor, hasMore }, 0);
  }, [read]);
  const reload = useCallback(() => void read(null, latest.current.entries?.length ?? 0), [read]);
  const { entries, error, isReading, hasMore } = current;
  return { entries, error, isReading, hasMore, more, reload };
}

/** Reload a list whenever a figure changes that tells of it, such as the number of its newest entry. */
export function useReloadAt(figure: number | null, reload: () => void): void {
  const known = useRef(figure);
  useEffect(() => {
    if (known.current !== figure) reload();
    known.current = figure;
  }, [figure, reload]);
}

function begin<Entry>(key: string, page: Page<Entry> | null): State<Entry> {
  return { key, entries: page?.entries ?? null, cursor: page?.cursor ?? null, hasMore: page?.hasMore ?? false, error: null, isReading: true };
}

function append<Entry>(before: Page<Entry> | null, connection: Connection<Entry> | null | undefined): Page<Entry> {
  return {
    entries: [...(before?.entries ?? []), ...(connection?.edges.map(({ node }) => node) ?? [])],
    cursor: connection?.pageInfo.endCursor ?? before?.cursor ?? null,
    hasMore: connection?.pageInfo.hasNextPage ?? false,
  };
}

/** The pages that the cache still has, one behind the other. */
function cachedPages<Data, Variables extends { after?: string | null }, Entry>(
  client: Client,
  query: TypedDocumentNode<Data, Variables>,
  variables: Omit<Variables, "after">,
  pick: (data: Data) => Connection<Entry> | null | undefined,
): Page<Entry> | null {
  let page: Page<Entry> | null = null;
  do {
    const asked = { ...variables, after: page?.cursor ?? null } as unknown as Variables;
    const data = client.readQuery(query, asked)?.data;
    if (!data) return page;
    page = append(page, pick(data));
  } while (page.hasMore);
  return page;
}
