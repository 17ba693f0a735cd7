// Queries and mutations over HTTP, subscriptions over WebSocket.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

export const url = process.env.HEADGATE_URL ?? 'http://127.0.0.1:8000';
export const headers = { Authorization: `Bearer ${process.env.HEADGATE_TOKEN ?? ''}` };

interface Answer<Data> {
  data?: Data | null;
  errors?: readonly { message: string }[];
}

export interface UserError {
  code: string;
  message: string;
}

export async function ask<Data>(query: string, variables: Record<string, unknown>): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return dataOf((await response.json()) as Answer<Data>);
}

/** Yields the results of a subscription until it ends. */
export async function* subscribe<Data>(query: string, variables: Record<string, unknown>): AsyncGenerator<Data> {
  const socket = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: headers,
  });
  try {
    for await (const answer of socket.iterate<Data>({ query, variables })) {
      yield dataOf(answer);
    }
  } finally {
    await socket.dispose();
  }
}

/** Answers what a mutation has made, unless its payload says what was wrong. */
export function made<Made>(found: Made | null, errors: readonly UserError[]): Made {
  if (found === null || errors.length > 0) {
    throw new Error(errors.map((error) => `${error.code}: ${error.message}`).join('; '));
  }
  return found;
}

function dataOf<Data>({ data, errors }: Answer<Data>): Data {
  if (data == null || errors !== undefined) {
    throw new Error(errors?.map((error) => error.message).join('; ') ?? 'There is no data in the answer.');
  }
  return data;
}
