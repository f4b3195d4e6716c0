"""What each KPI was expected to be on each day: the one step of the build that is not SQL.

What lives here: which rows go in, and that they come out as a table. What may not: the method
(`orchestration.inference.seasonal`).
"""  # noqa: INP001  a model: dbt reads the file, nobody imports it


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001, D103  dbt's signature
    dbt.config(materialized="table")
    from orchestration.inference.seasonal import judge

    return judge(dbt.ref("int_kpi_series").df())
