import type { KeyPair } from './certificate.ts';

/** What the webhook serves with. */
export interface ServingCertificate extends KeyPair {
  /**
   * What clients trust, PEM: the caBundle of a registration. Several certificates while one authority follows another; empty where
   * somebody else says what is trusted.
   */
  authority: string;
}

/** Where a certificate comes from, and who keeps it fresh. */
export interface CertificateSource {
  current(): ServingCertificate | undefined;
  /** Why the server cannot serve with it, for a readiness probe; undefined where it can. */
  problem(): string | undefined;
  /** Keeps it fresh until the signal is aborted. A failure is logged and tried again. */
  run(signal: AbortSignal): Promise<void>;
  /** The API server trusts `authority` from now on. */
  published(authority: string): void;
}
