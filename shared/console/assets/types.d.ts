// What the server answers: shared/console, and /openapi.json.
import type { Lang, Words } from './i18n.js';

export type { Lang, Words };

export interface Fault { code: string; error: Words }

export interface End { state: string; reason?: string; words: Words; number: number }

export interface Flows {
  in: number;
  cards: number;
  announced: number;
  merged: number;
  permitsGranted: number;
  permitsSpent: number;
  permitsTaken: number;
  permitsPerAnnounced: number | null;
}

export interface Waiting { length: number; first: string | null }

export interface Overview {
  at: string;
  alerts: { code: string; words: Words }[];
  ends: End[];
  endsToday: End[];
  today: Flows;
  errors: { name: string; number: number }[];
  waiting: { messages: Waiting; calls: Waiting; unknownCards: Waiting };
  letters: number;
  circuits: { name: string; until: string; detail: string; cure: Words }[];
  tokenEnds: string | null;
  watchedUntil: string | null;
}

export interface Step extends Flows { ends: Record<string, number>; errors: Record<string, number>; delays: Record<string, number> }

export interface Charts { from: string; step: number; steps: Step[]; states: Record<string, Words>; delays: string[] }

export interface Recipient {
  user: string;
  openid?: string;
  bound: boolean;
  message?: string;
  card?: string;
  state: string;
  reason: string;
  sentence: Words;
  presence: string;
  presenceAt: string | null;
  waiting: number;
  due: string | null;
  steps: { at: string; kind: string; words: Words; card?: string; messages?: string[]; moreMessages?: number }[];
  moreSteps: number;
  messages?: { message: string; state: string; words: Words }[];
  moreMessages: number;
}

export interface Explained { recipients: Recipient[]; more: number }

export interface Ledger {
  template: string;
  kinds: string[] | null;
  longTerm: boolean;
  balance: number;
  held: number;
  opening: number;
  entries: { at: string; kind: string; change: number; balance: number; paired: boolean }[];
  expectedAbsences: number;
  absencesSince: number;
  drift: number;
}

export interface Ledgers {
  user: string;
  openid: string;
  bound: boolean;
  boundSince: string | null;
  gone: boolean;
  ledgers: Ledger[];
  cards: { id: string; at: string; state: string; template: string; detail?: string; waitsUntil: string | null }[];
}

export interface Queue { due: { user: string; queue: string; at: string }[]; limit: number }

export interface Letter {
  id: string;
  user: string;
  openid: string;
  kind: string;
  template: string;
  messages: string[];
  moreMessages: number;
  from: string[];
  at: string;
  class: string;
  cause: string;
}

export interface Dead { letters: Letter[]; limit: number }

export interface Settings {
  environment: { name: string; value: string }[];
  rules: { name: string; value: string }[];
  templates: { kind: string; id: string; longTerm: boolean; page: string; fault?: string }[];
}
