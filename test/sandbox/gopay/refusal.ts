// Answers of the simulated API, and refusals, which any part of it can throw.

export interface ApiAnswer {
  status: number;
  body: { responseCode: string; responseMessage: string; [field: string]: unknown };
}

/** Carries a refusal out of the code that finds it. */
export class Refusal extends Error {
  readonly answer: ApiAnswer;
  constructor(service: string, status: number, sub: string, responseMessage: string) {
    super(responseMessage);
    this.answer = { status, body: { responseCode: `${status}${service}${sub}`, responseMessage } };
  }
}

export function invalidField(service: string, field: string): Refusal {
  return new Refusal(service, 400, '01', `Invalid Field Format ${field}`);
}

export function success(service: string, fields: Record<string, unknown>): ApiAnswer {
  return { status: 200, body: { responseCode: `200${service}00`, responseMessage: 'Successful', ...fields } };
}

export function refusalsAsAnswers(operate: () => ApiAnswer): ApiAnswer {
  try {
    return operate();
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    throw error;
  }
}
