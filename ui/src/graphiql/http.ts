/** Asks the server over HTTP, as whoever is signed in, and puts whatever goes wrong into words. */

import { freshToken, refreshSession } from "../auth";
import type { Json } from "../graph";
import { session } from "../session";

export interface Operation {
  query: string;
  variables?: Record<string, Json>;
  operationName?: string | null;
}

/** A GraphQL response, or errors of our own in the same shape. */
export interface Answer<Data = Record<string, Json>> {
  data?: Data | null;
  errors?: { message: string; extensions?: Record<string, Json> }[];
}

interface Received<Data> {
  status: number;
  answer: Answer<Data>;
}

const UNAUTHORIZED = 401;
const SHOWN_CHARACTERS = 300;

/** Ask with the session's token, renewed where it has ended, unless `headers` carry an authorization of their own. */
export async function ask<Data>(operation: Operation, headers: Record<string, string> = {}): Promise<Answer<Data>> {
  if ("authorization" in headers) return (await send<Data>(operation, headers)).answer;
  const { status, answer } = await sendSigned<Data>(operation, headers);
  if (status !== UNAUTHORIZED || !session()) return answer;
  await refreshSession();
  return session() ? (await sendSigned<Data>(operation, headers)).answer : answer;
}

/** An answer of our own, for what the server has not said. */
export function failure(code: string, message: string): Answer<never> {
  return { errors: [{ message, extensions: { code } }] };
}

async function sendSigned<Data>(operation: Operation, headers: Record<string, string>): Promise<Received<Data>> {
  const token = await freshToken();
  return send(operation, token ? { authorization: `Bearer ${token}`, ...headers } : headers);
}

async function send<Data>(operation: Operation, headers: Record<string, string>): Promise<Received<Data>> {
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json", ...headers },
      body: JSON.stringify(operation),
    });
    return { status: response.status, answer: understood(response, await response.text()) };
  } catch {
    return { status: 0, answer: failure("UNREACHABLE", `No answer from ${location.origin}: the server or the network is down. Run this again once it is back.`) };
  }
}

function understood<Data>(response: Response, text: string): Answer<Data> {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === "object" && answer !== null) return answer;
  } catch {
    // What stands between browser and server, such as a proxy, answers pages.
  }
  const said = text.replaceAll(/<[^>]*>|\s+/g, " ").trim().slice(0, SHOWN_CHARACTERS);
  return failure("NOT_GRAPHQL", `The answer is not GraphQL but HTTP ${response.status} ${response.statusText}: ${said}`);
}
