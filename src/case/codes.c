/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Sources of the defaults: Hong Kong Cap. 486 (PDPO), PCPD Guidance on the Use of CCTV Surveillance (2025); UK GDPR and
 * Data Protection Act 2018, Surveillance Camera Code; EU GDPR (2016/679), Directive (EU) 2016/680.
 */
#include "case/codes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/schema.h"

#define CODES_MAX 512

const char *const case_code_kind_names[] = {"purpose", "basis", "refusal", NULL};

/* NOLINTBEGIN(bugprone-suspicious-missing-comma) */
static struct case_code defaults[] = {
    {CASE_PURPOSE, "crime", "any", "Investigation of a crime that was reported",
     "調查已報案的罪行"},
    {CASE_PURPOSE, "missing-person", "any", "Search for a missing person at risk",
     "尋找有危險的失蹤人士"},
    {CASE_PURPOSE, "accident", "any", "Accident or injury: what happened", "事故或受傷：查明經過"},
    {CASE_PURPOSE, "life-threat", "any", "Immediate danger to somebody's life or health",
     "有人的生命或健康正面臨危險"},
    {CASE_PURPOSE, "property", "any", "Damage or theft on the operator's own premises",
     "營運者處所內的損毀或盜竊"},
    {CASE_PURPOSE, "subject-access", "any", "A person asks for footage of themselves",
     "當事人要求取得自己的影像"},
    {CASE_PURPOSE, "complaint", "any", "Complaint about staff or about the cameras",
     "對職員或攝影機的投訴"},
    {CASE_PURPOSE, "court", "any", "A court or tribunal asked for the footage",
     "法院或審裁處要求提交影像"},
    {CASE_PURPOSE, "audit", "any", "Audit of this system by its oversight body",
     "監察機構審核本系統"},
    {CASE_PURPOSE, "fault", "any", "Fault of a camera, checked on a span without people",
     "在無人時段檢查攝影機故障"},
    {CASE_BASIS, "any.court-order", "any", "Order or warrant of a court", "法庭命令或手令"},
    {CASE_BASIS, "any.consent", "any", "Consent of everybody who can be seen",
     "畫面中所有人的同意"},
    {CASE_BASIS, "hk.pdpo-dpp3", "hk",
     "Use for the purpose the footage was taken for (PDPO, principle 3)",
     "用於收集影像時的原本目的（《私隱條例》保障資料第3原則）"},
    {CASE_BASIS, "hk.pdpo-58", "hk", "Prevention or detection of crime (PDPO section 58)",
     "防止或偵測罪行（《私隱條例》第58條）"},
    {CASE_BASIS, "hk.pdpo-60b", "hk",
     "Required by law, or for legal proceedings in Hong Kong (PDPO section 60B)",
     "法律規定或在香港的法律程序所需（《私隱條例》第60B條）"},
    {CASE_BASIS, "hk.pdpo-63c", "hk", "Emergency: a life-threatening situation (PDPO section 63C)",
     "危及生命的緊急情況（《私隱條例》第63C條）"},
    {CASE_BASIS, "hk.pdpo-18", "hk",
     "Data access request of the person themselves (PDPO section 18)",
     "當事人的查閱資料要求（《私隱條例》第18條）"},
    {CASE_BASIS, "uk.dpa-sch2-2", "uk",
     "Prevention or detection of crime (DPA 2018, Schedule 2 paragraph 2)",
     "防止或偵測罪行（英國《2018年資料保護法》附表2第2段）"},
    {CASE_BASIS, "uk.dpa-part3", "uk",
     "Law enforcement by a competent authority (DPA 2018, Part 3)",
     "主管當局執法（英國《2018年資料保護法》第3部）"},
    {CASE_BASIS, "uk.dpa-sch2-5", "uk",
     "Legal proceedings or legal advice (DPA 2018, Schedule 2 paragraph 5)",
     "法律程序或法律意見（英國《2018年資料保護法》附表2第5段）"},
    {CASE_BASIS, "uk.gdpr-6-1-d", "uk", "Vital interests of a person (UK GDPR Article 6(1)(d))",
     "保護個人的重大利益（英國GDPR第6(1)(d)條）"},
    {CASE_BASIS, "uk.gdpr-15", "uk", "Access request of the person themselves (UK GDPR Article 15)",
     "當事人的查閱要求（英國GDPR第15條）"},
    {CASE_BASIS, "eu.gdpr-6-1-c", "eu", "Legal obligation (GDPR Article 6(1)(c))",
     "履行法律義務（GDPR第6(1)(c)條）"},
    {CASE_BASIS, "eu.gdpr-6-1-d", "eu", "Vital interests of a person (GDPR Article 6(1)(d))",
     "保護個人的重大利益（GDPR第6(1)(d)條）"},
    {CASE_BASIS, "eu.gdpr-6-1-e", "eu", "Task in the public interest (GDPR Article 6(1)(e))",
     "執行符合公共利益的職務（GDPR第6(1)(e)條）"},
    {CASE_BASIS, "eu.gdpr-6-1-f", "eu",
     "Legitimate interest that outweighs the privacy of those seen (GDPR Article 6(1)(f))",
     "凌駕於畫面中人私隱的正當利益（GDPR第6(1)(f)條）"},
    {CASE_BASIS, "eu.gdpr-15", "eu", "Access request of the person themselves (GDPR Article 15)",
     "當事人的查閱要求（GDPR第15條）"},
    {CASE_BASIS, "eu.led", "eu",
     "Law enforcement by a competent authority (Directive (EU) 2016/680)",
     "主管當局執法（歐盟指令2016/680）"},
    {CASE_REFUSAL, "no-basis", "any", "The legal basis does not carry this purpose",
     "法律依據不足以支持該目的"},
    {CASE_REFUSAL, "too-wide", "any", "Too many cameras or too long a span",
     "攝影機過多或時段過長"},
    {CASE_REFUSAL, "unclear", "any", "The order does not say enough to decide",
     "要求書資料不足，無法決定"},
    {CASE_REFUSAL, "masked-enough", "any", "The masked view answers the question",
     "遮蔽影像已足以回答問題"},
    {CASE_REFUSAL, "conflict", "any", "The custodian has a conflict of interest",
     "保管人有利益衝突"},
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

const struct case_codes *case_codes_default(void)
{
    static const struct case_codes list = {defaults, sizeof(defaults) / sizeof(defaults[0])};
    return &list;
}

static const struct schema_field fields[] = {
    {.key = "kind",
     .kind = SCHEMA_ENUM,
     .offset = offsetof(struct case_code, kind),
     .names = case_code_kind_names,
     .required = true},
    {.key = "code",
     .kind = SCHEMA_TEXT,
     SCHEMA_TEXT_FIELD(struct case_code, code),
     .required = true},
    {.key = "where", .kind = SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct case_code, where)},
    {.key = "en", .kind = SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct case_code, en), .required = true},
    {.key = "zh-Hant", .kind = SCHEMA_TEXT, SCHEMA_TEXT_FIELD(struct case_code, zh)},
    {0},
};

static int read_one(const char *path, const struct schema_doc *d, int i, struct case_codes *c,
                    struct err *reterr)
{
    struct schema_place at;
    struct case_code *k = &c->code[i];
    snprintf(k->where, sizeof(k->where), "any");
    int r = schema_bind_item(d, i, fields, k, &at, reterr);
    if (r < 0)
        return r;
    if (!case_code_valid(k->code))
        return err_set(reterr, E_SYNTAX, "%s:%u: a code is made of a-z, 0-9, '.' and '-'", path,
                       at.line);
    if (case_codes_find(c, (enum case_code_kind)k->kind, k->code))
        return err_set(reterr, E_EXISTS, "%s:%u: code %s stands twice", path, at.line, k->code);
    c->count++;
    return 0;
}

int case_codes_load(const char *path, struct case_codes *ret, struct err *reterr)
{
    struct schema_doc *d = NULL;
    struct case_codes c = {0};
    int r = schema_load(path, &d, reterr);
    int n = r < 0 ? r : schema_list(d, "codes", reterr);
    if (n > CODES_MAX)
        n = err_set(reterr, E_LIMIT, "%s has more than %d codes", path, CODES_MAX);
    if (n >= 0 && !(c.code = calloc((size_t)n + 1, sizeof(*c.code))))
        n = -ENOMEM;
    r = n < 0 ? n : 0;
    for (int i = 0; i < n && r >= 0; i++)
        r = read_one(path, d, i, &c, reterr);
    schema_free(d);
    if (r < 0) {
        case_codes_release(&c);
        return r;
    }
    *ret = c;
    return 0;
}

void case_codes_release(struct case_codes *c)
{
    if (c->code != defaults)
        free(c->code);
    *c = (struct case_codes){0};
}

const struct case_code *case_codes_find(const struct case_codes *c, enum case_code_kind kind,
                                        const char *code)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->code[i].kind == (int)kind && !strcmp(c->code[i].code, code))
            return &c->code[i];
    return NULL;
}
