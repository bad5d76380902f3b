extension Page {
  /// The page's script: it fills in tables, a few hundred rows at a time, and sorts and filters
  /// them.
  static let script = #"""
    "use strict";
    const units=["bytes","KiB","MiB","GiB","TiB"];
    function bytes(value){
      let unit=0;
      while(value>=1024&&unit<units.length-1){value/=1024;unit+=1}
      return(unit?value.toFixed(2):value.toLocaleString("en"))+" "+units[unit];
    }
    function figure(value){
      if(value===0)return"0";
      const size=Math.abs(value);
      return size>=1e-3&&size<1e5?String(Number(value.toPrecision(3))):value.toExponential(2);
    }
    const show={
      text:value=>String(value),figure,bytes,
      count:value=>value.toLocaleString("en"),
      share
    };
    function share(value){
      if(value>0&&value<1e-4)return"< 0.01 %";
      if(value<1&&value>0.999)return"> 99.9 %";
      return(100*value).toFixed(value<0.1?2:1)+" %";
    }
    function matcher(text){
      const parts=text.trim().toLowerCase().split("*").filter(part=>part);
      return row=>{
        let place=0;
        for(const part of parts){
          const found=row.indexOf(part,place);
          if(found<0)return false;
          place=found+part.length;
        }
        return true;
      };
    }
    for(const host of document.querySelectorAll(".table")){
      const data=JSON.parse(host.querySelector("script").textContent);
      const head=host.querySelector("thead"),body=host.querySelector("tbody");
      const input=host.querySelector("input"),count=host.querySelector("output");
      const scroll=host.querySelector(".scroll");
      const texts=data.rows.map(row=>row.filter(cell=>typeof cell==="string").join(" ").toLowerCase());
      let order=data.rows.map((_,index)=>index),shown=order,drawn=0,column=-1,direction=1;
      const line=document.createElement("tr");
      data.columns.forEach((item,index)=>{
        const cell=document.createElement("th"),button=document.createElement("button");
        cell.scope="col";
        if(item.kind!=="text")cell.className="number";
        button.textContent=item.name;
        button.addEventListener("click",()=>sort(index));
        cell.append(button);
        line.append(cell);
      });
      head.append(line);
      function more(limit){
        const part=document.createDocumentFragment();
        for(const end=Math.min(shown.length,drawn+limit);drawn<end;drawn+=1){
          const row=document.createElement("tr");
          data.rows[shown[drawn]].forEach((value,index)=>{
            const cell=document.createElement("td"),kind=data.columns[index].kind;
            if(kind!=="text")cell.className="number";
            cell.textContent=value===null?"":typeof value==="number"?show[kind](value):value;
            row.append(cell);
          });
          part.append(row);
        }
        body.append(part);
      }
      function draw(){
        const matches=matcher(input.value);
        shown=order.filter(index=>matches(texts[index]));
        body.replaceChildren();
        drawn=0;
        scroll.scrollTop=0;
        more(300);
        count.textContent=shown.length===data.rows.length
          ?show.count(shown.length)+" rows":show.count(shown.length)+" of "+show.count(data.rows.length)+" rows";
      }
      function sort(index){
        const isText=data.columns[index].kind==="text";
        direction=column===index?-direction:isText?1:-1;
        column=index;
        order=data.rows.map((_,place)=>place).sort((a,b)=>{
          const x=data.rows[a][index],y=data.rows[b][index];
          if(x===null||y===null)return(x===null)-(y===null)||a-b;
          const result=isText?String(x).localeCompare(String(y),"en",{numeric:true}):x-y;
          return direction*result||a-b;
        });
        head.querySelectorAll("th").forEach((cell,place)=>{
          if(place===index)cell.setAttribute("aria-sort",direction>0?"ascending":"descending");
          else cell.removeAttribute("aria-sort");
        });
        draw();
      }
      scroll.addEventListener("scroll",()=>{
        if(scroll.scrollTop+scroll.clientHeight>scroll.scrollHeight-600)more(300);
      });
      input.addEventListener("input",draw);
      draw();
    }
    """#
}
