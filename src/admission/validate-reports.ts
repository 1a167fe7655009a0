import { REPOSITORIES } from '../api/resources.ts';
import { recordOf } from './record.ts';
import { refusalOfCheck, refusalOfReport } from './reports.ts';
import { ALLOWED, type Handler } from './verdict.ts';

export interface ReportOptions {
  /** The user name of the operator, such as `system:serviceaccount:stash-system:stash-operator`. */
  operator: string;
}

/** Holds each agent to its own host, when the status of a session is written, and each check of a Repository to what it found. */
export function validateReports({ operator }: ReportOptions): Handler {
  return ({ object, oldObject, subResource, userInfo, kind, name }) => {
    if (object === undefined || oldObject === undefined || subResource !== 'status') return ALLOWED;
    const refusalOf = kind.kind === REPOSITORIES.kind ? refusalOfCheck : refusalOfReport;
    const refusal = refusalOf(userInfo, recordOf(oldObject.status), recordOf(object.status), operator);
    if (refusal === undefined) return ALLOWED;
    const message = `${kind.kind} ${name}: ${refusal}`;
    return { allowed: false, status: { code: 403, reason: 'Forbidden', message } };
  };
}
