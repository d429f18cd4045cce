// What the server sends: internal/sim Snapshot and Entry.
import type { Lang, Words } from './i18n.js';

export type { Lang, Words };

export interface Snapshot {
  ready: boolean;
  phones: Phone[];
  messages: Message[];
  group: string;
  rules: Rules;
  usual: Rules;
  leaving: { close: number; background: number; network: number };
  adjustable: boolean;
  stale?: number;
  faults: { slow: boolean; refused: boolean; store: boolean };
  storeAway?: boolean;
}

export interface Phone {
  user: string;
  nick: string;
  openid: string;
  where: 'open' | 'closed' | 'background' | 'lost';
  since?: string;
  im: 'Online' | 'PushOnline' | 'Offline';
  believes: { known: boolean; online: boolean; at?: string; told: boolean; waiting: number; due?: string };
  permits: { title: string; wxnotify: number; wechat: number }[];
  setting: { main: boolean; kept?: string };
  cards: Card[];
  unread: Record<string, number>;
}

export interface Message {
  id: string;
  from: string;
  to?: string;
  group?: string;
  kind: 'text' | 'image' | 'call';
  text?: string;
  at: string;
  read?: boolean;
  recalled?: boolean;
  call?: string;
}

export interface Card {
  id: string;
  at: string;
  title: string;
  lines: { label: string; value: string }[];
  page: string;
  peer?: string;
}

export interface Rules {
  lead: number;
  blindWindow: number;
  grace: number;
  digest: number[];
  keepForFirst: number;
  calls: string;
  preview: string;
}

export interface Entry {
  at: string;
  actor: Words;
  kind: 'wxnotify' | 'platform' | 'person';
  text: Words;
  mood?: '' | 'good' | 'none' | 'bad';
  note?: string;
  why?: Words;
}

/** Asks the server to do something; false: it refused, and the reader has been told. */
export type Act = (act: Record<string, unknown>) => Promise<boolean>;
