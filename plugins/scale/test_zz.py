import pytest, time, sqlite3
from qhana_plugin_runner.testing.fixtures import app, fake_data_server, plugin_folders, run_plugin  # noqa
def show(f):
    try:
        t = f()
        for o in t.outputs: print(o.text[:300])
        print(t.log[:500])
    except Exception as e:
        print("FAILED", str(e)[-400:])
@pytest.mark.parametrize("vals", [["1e200","2e200"],["1e308","1.7e308","-1.7e308"],["5e-324","0"],["12345678901234567890","1"],["1","x"],[" 1","2 "],["1 2","3"],["true","1"],["inf","1"],["","" ],["1","NA"],["1","−2"], ["1e400","1"]])
@pytest.mark.parametrize("method", ["standard","min-max"])
def test_scale(run_plugin, tmp_path, vals, method):
    p = tmp_path/"a.csv"; p.write_text("ID,v\n" + "".join(f"{n},{v}\n" for n, v in enumerate(vals)))
    print("=== scale", vals, method); show(lambda: run_plugin("scale", entities=p, method=method))
@pytest.mark.parametrize("cond", ["10**10**10 > 1", "'a'*10**9 == v", "x"*3000, "("*300+"v"+")"*300+"==1", "not "*400+"v", "-"*1500+"v>1", "v in "+"["*500+"1"+"]"*500, "v == 1"+" and v == 1"*200, "9"*1900+" < v", "v == -"+"9"*1900, "v < "+"+".join(["v"]*900), "v in [v+v, v-v, 1]", "v == f'{v}'", "v == b'x'", "v == 1j", "v == ...", "(v:=3) == 3", "lambda: v", "[v for v in [1]]", "v < 'b'", "row['v'] == '1'", "row[0] == 1", "row == 1", "v in 'abc'", "'1' in v", "v == v", "True", "v", "v == True", "v is None", "v is not None", "v not in ['1','']", "v != 1", "not v == 1", "v == '01'", "v == 1 == v", "ID == '1'", "ID == 1", "v % 0 == 1", "v < '2025-01-01'", "\ud800 == 1", "v == '\\x00'", "v\x00==1", "1 < 2", "v == 'a' 'b'", "v == (1)", "v == [1]", "nope == 1"])
def test_select(run_plugin, tmp_path, cond):
    p = tmp_path/"a.csv"; p.write_text("ID,v\n1,1\n2,\n3,01\n4,abc\n5,12345678901234567890\n")
    print("=== select", cond[:50]); t = time.time(); show(lambda: run_plugin("entity-select", entities=p, condition=cond)); print(round(time.time()-t,2))
def test_sql(app, run_plugin, tmp_path):
    p = tmp_path/"d.db"; c = sqlite3.connect(p)
    c.execute('create table t (a text, b text, v integer, primary key (a,b))')
    c.executemany("insert into t values (?,?,?)", [("x-y","z",1),("x","y-z",2),(None,"q",3),(None,None,4)])
    c.execute('create table u (id text primary key, "ID2" blob, "a,b" text, v decimal(30,5))')
    c.execute("insert into u values ('1', x'00ff', 'q', 12345678901234567890), (null, 'text', 'q', 12345678901234567890.12345),('', 'text', 'q', '1.5')")
    c.commit(); c.close()
    app.config["SQL_IMPORT_URLS"] = [f"sqlite:///{p}"]
    def go(table):
        t = run_plugin("sql-import", url=f"sqlite:///{p}")
        t = t.answer("choose_table", table=table)
        return t.answer("choose_columns")
    show(lambda: go("t")); show(lambda: go("u")); show(lambda: go("nope"))
def test_join(run_plugin, tmp_path):
    a = tmp_path/"a.csv"; b = tmp_path/"b.csv"
    a.write_text("ID,v\n1,a\n1,b\n2,c\n"); b.write_text("ID,v,w\n1,x,y\n3,z,q\n")
    for k in ("matches","first file","both files"):
        show(lambda: run_plugin("entity-join", left=a, right=b, keep=k))
    a.write_text("ID,v\n"); show(lambda: run_plugin("entity-join", left=a, right=b, keep="both files"))
    a.write_text(""); show(lambda: run_plugin("entity-join", left=a, right=b, keep="both files"))
    a.write_text("ID,v,v\n1,2,3\n"); show(lambda: run_plugin("entity-join", left=a, right=b))
def test_encode(run_plugin, tmp_path):
    a = tmp_path/"a.csv"
    a.write_text("ID,v,v_a\n1,a,1\n2,b,2\n"); show(lambda: run_plugin("encode", entities=a, attributes=["v"]))
    a.write_text("ID,v,v_a\n1,a,1\n2,b,2\n"); show(lambda: run_plugin("encode", entities=a, attributes=["v"], order=["q","b"]))
    a.write_text("ID,v\n1, a\n2,a\n3,nan\n4,NA\n5,1\n6,1.0\n"); show(lambda: run_plugin("encode", entities=a, attributes=["v"]))
    show(lambda: run_plugin("encode", entities=a, attributes=["w"]))
    show(lambda: run_plugin("encode", entities=a, attributes=["v"], method="ordinal", most_values=3))
    show(lambda: run_plugin("split", entities=a, stratify="v"))
    show(lambda: run_plugin("split", entities=a, stratify="z"))
    show(lambda: run_plugin("split", entities=a, test_share=0.01))
