/** How a command is called: what it answers, what it throws, and what it tells meanwhile. */
import { Channel } from "@tauri-apps/api/core";
import type { RegistryRefusal } from "./bindings";

/** A refusal by the engine, in words for the person at the screen. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** Stable word to branch on, such as `plan_stale` or `cancelled`. */
    readonly code: string,
    message: string,
    /** One thing to do about it, when there is one. */
    readonly hint: string | null,
    /** The registry that refused, where it was one. */
    readonly registry: RegistryRefusal | null = null,
  ) {
    super(message);
  }
}

/**
 * Turns anything that was thrown into an `ApiError`.
 *
 * A rejected argument or a dead bridge arrives as a bare string or an `Error`: that is our fault, so it becomes
 * `internal` and keeps its words for the report.
 */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof Error) return new ApiError("internal", thrown.message, null);
  if (isPayload(thrown)) {
    const { code, message, hint, registry } = thrown;
    return new ApiError(code, message, hint ?? null, registry ?? null);
  }
  return new ApiError("internal", String(thrown), null);
}

interface Payload {
  code: string;
  message: string;
  hint?: string | null;
  registry?: RegistryRefusal | null;
}

function isPayload(value: unknown): value is Payload {
  return typeof value === "object" && value !== null && "code" in value && "message" in value;
}

type Answer<T> = { status: "ok"; data: T } | { status: "error"; error: unknown };

/** Resolves to what a command answers, or throws its refusal as an `ApiError`. */
export async function unwrap<T>(answer: Promise<Answer<T>>): Promise<T> {
  let settled: Answer<T>;
  try {
    settled = await answer;
  } catch (thrown) {
    throw toApiError(thrown);
  }
  if (settled.status === "error") throw toApiError(settled.error);
  return settled.data;
}

/** A channel on which a command tells something while it runs. */
export function hearing<Event>(onEvent: (event: Event) => void): Channel<Event> {
  const channel = new Channel<Event>();
  channel.onmessage = onEvent;
  return channel;
}

/** A channel on which bytes come as they are. */
export function hearingBytes(onOutput: (bytes: Uint8Array) => void): Channel<ArrayBuffer> {
  const channel = new Channel<ArrayBuffer>();
  channel.onmessage = (bytes) => {
    onOutput(new Uint8Array(bytes));
  };
  return channel;
}
